"""Which pods of a node a drain moves, leaves, waits for, or may not touch.

Follows ``docs/concepts/drain.md``; compared with ``kubectl drain`` the order is the same and the policy is explicit.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from shipkeeper.model.plan import ALL, DrainPolicy
from shipkeeper.model.pods import Pod
from shipkeeper.model.time import MINUTE, SECOND

STUCK_AFTER_MS = MINUTE
"""A pod still there this long after its deletionTimestamp (which is a deadline) is stuck."""
KUBERNETES_FINALIZERS = frozenset({"batch.kubernetes.io/job-tracking", "foregroundDeletion", "orphan"})
"""Those that Kubernetes' own controllers take away by themselves: the Job controller, the garbage collector."""


class DrainItem(Struct, frozen=True):
    """A pod and the reasons it is where it is; the first one decides.

    evict: movable, finished · skip: daemon, mirror · terminating: terminating, stuck · blocked: empty-dir, unmanaged.
    """

    pod: Pod
    reasons: tuple[str, ...]

    @property
    def reason(self) -> str:
        """The reason that decides."""
        return self.reasons[0]


class DrainSet(Struct, frozen=True):
    """A node's pods, sorted. Each tuple keeps namespace and name order.

    ``skip`` goes down with the node. ``blocked`` stops the node before its first eviction.
    """

    evict: tuple[DrainItem, ...] = ()
    skip: tuple[DrainItem, ...] = ()
    terminating: tuple[DrainItem, ...] = ()
    blocked: tuple[DrainItem, ...] = ()

    @property
    def leaving(self) -> tuple[Pod, ...]:
        """Pods that will have left when the drain is done: evicted and terminating ones."""
        return tuple(item.pod for item in (*self.evict, *self.terminating))


def sort_pods(pods: Iterable[Pod], policy: DrainPolicy, now_ms: int) -> DrainSet:
    """Sort the pods of one node by what the policy lets a drain do with them."""
    piles: dict[str, list[DrainItem]] = {"evict": [], "skip": [], "terminating": [], "blocked": []}
    for pod in sorted(pods, key=lambda pod: (pod.namespace, pod.name)):
        pile, reasons = verdict(pod, policy, now_ms)
        piles[pile].append(DrainItem(pod, reasons))
    return DrainSet(
        evict=tuple(piles["evict"]),
        skip=tuple(piles["skip"]),
        terminating=tuple(piles["terminating"]),
        blocked=tuple(piles["blocked"]),
    )


def verdict(pod: Pod, policy: DrainPolicy, now_ms: int) -> tuple[str, tuple[str, ...]]:
    """(pile, reasons) for one pod; see DrainItem for the words."""
    if pod.mirror:
        return "skip", ("mirror",)
    if pod.daemon:
        return "skip", ("daemon",)
    if pod.deletion_ms is not None:
        return "terminating", ("stuck" if is_stuck(pod, now_ms) else "terminating",)
    if pod.finished:
        return "evict", ("finished",)
    reasons = []
    if pod.shape.has_empty_dir and not _may_lose_data(pod, policy):
        reasons.append("empty-dir")
    if pod.owner is None and not _may_go_for_good(pod, policy):
        reasons.append("unmanaged")
    return ("blocked", tuple(reasons)) if reasons else ("evict", ("movable",))


def is_stuck(pod: Pod, now_ms: int) -> bool:
    """Whether a terminating pod is more than a minute past its deadline."""
    return pod.deletion_ms is not None and now_ms > pod.deletion_ms + STUCK_AFTER_MS


def foreign_finalizers(finalizers: Iterable[str]) -> tuple[str, ...]:
    """Those that somebody besides Kubernetes must take away before the object goes."""
    return tuple(name for name in finalizers if name not in KUBERNETES_FINALIZERS)


def grace_ms(pod_grace_ms: int, policy: DrainPolicy) -> int:
    """The grace period a drain gives: the pod's own, or the policy's where that is shorter."""
    if policy.grace_period_seconds is None:
        return pod_grace_ms
    return min(pod_grace_ms, policy.grace_period_seconds * SECOND)


def _may_lose_data(pod: Pod, policy: DrainPolicy) -> bool:
    return _listed(pod, policy.delete_empty_dir_data)


def _may_go_for_good(pod: Pod, policy: DrainPolicy) -> bool:
    return _listed(pod, policy.allow_unmanaged)


def _listed(pod: Pod, entries: tuple[str, ...]) -> bool:
    return any(entry in (ALL, pod.namespace, f"{pod.namespace}/{pod.name}") for entry in entries)
