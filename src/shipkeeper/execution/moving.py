"""Pods on their way off a node: what each waits for, and what an answer to its eviction means for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shipkeeper.model.pods import Pod
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.run import PodOutcome
from shipkeeper.model.time import SECOND
from shipkeeper.ports.cluster import EvictionAnswer

RETRY_MS = 5 * SECOND
"""A spent budget is asked again at least this often; a watch of it usually tells sooner."""

_BUSY_MS = (1 * SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND, 15 * SECOND, 30 * SECOND)
_WEBHOOK_MS = (5 * SECOND, 10 * SECOND, 20 * SECOND, 40 * SECOND, 60 * SECOND)

State = Literal["waiting", "leaving", "ended"]


@dataclass
class Moving:
    """One pod of a drain. Times are monotonic, except ``overdue_ms``: the wall-clock instant at which it is stuck.

    ``blocked_ms``: since when its eviction has been refused; ``at_once``: waiting longer cannot help.
    """

    pod: Pod
    top: ObjectRef | None
    state: State
    since_ms: int
    next_ms: int
    ours: bool = False
    rule: str = ""
    words: str = ""
    budget: str = ""
    blocked_ms: int | None = None
    at_once: bool = False
    told: bool = False
    tries: int = 0
    overdue_ms: int = 0

    @property
    def name(self) -> str:
        """``namespace/name``."""
        return f"{self.pod.namespace}/{self.pod.name}"

    def refused(self, rule: str, words: str, now_ms: int, retry_ms: int, at_once: bool = False) -> None:
        """Its eviction did not happen, for this reason; try again after that long."""
        self.rule, self.words, self.at_once = rule, words, at_once
        self.next_ms = now_ms + retry_ms
        self.tries += 1
        if self.blocked_ms is None:
            self.blocked_ms = now_ms

    def forgive(self, now_ms: int) -> None:
        """Begin to count again, and try at once."""
        self.blocked_ms, self.at_once, self.told, self.next_ms = None, False, False, now_ms

    def outcome(self, step: str, result: str, now_ms: int, reason: str = "") -> PodOutcome:
        """The record of what came of it."""
        return PodOutcome(
            step=step,
            uid=self.pod.uid,
            pod=self.name,
            workload=str(self.top) if self.top is not None else "",
            result=result,
            reason=reason,
            waited_seconds=(now_ms - self.since_ms) / SECOND,
        )


def take_answer(moving: Moving, answer: EvictionAnswer, now_ms: int) -> str:
    """Apply an answer. Returns what came of it: leaving, ended, or the rule that refuses.

    Each refusal has its own patience and words: a spent budget comes back by itself; a busy server asks for less; a
    webhook or a terminating namespace is somebody's decision.
    """
    said = answer.message or answer.reason
    match answer.outcome:
        case "accepted":
            moving.state, moving.ours = "leaving", True
            return "leaving"
        case "gone" | "conflict":
            moving.state = "ended"
            return "ended"
        case "spent":
            moving.budget = answer.budget or moving.budget
            moving.refused("budget-spent", said, now_ms, RETRY_MS)
        case "hopeless":
            moving.refused("two-budgets", said, now_ms, RETRY_MS, at_once=True)
        case "busy":
            wait = max(answer.retry_after_ms, _BUSY_MS[min(moving.tries, len(_BUSY_MS) - 1)])
            moving.refused("busy", f"the API server is busy ({answer.code}): {said}", now_ms, wait)
        case "namespace-terminating":
            words = f"namespace {moving.pod.namespace} is being deleted, and refuses new objects, evictions too"
            moving.refused("namespace-terminating", words, now_ms, RETRY_MS)
        case "refused":
            by_webhook = "webhook" in said.lower()
            wait = _WEBHOOK_MS[min(moving.tries, len(_WEBHOOK_MS) - 1)]
            who = "a webhook denies it" if by_webhook else f"the API server refuses it ({answer.code})"
            moving.refused("refused", f"{who}: {said}", now_ms, wait, at_once=not by_webhook)
    return moving.rule
