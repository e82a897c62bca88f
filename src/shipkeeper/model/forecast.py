"""What a rehearsal says of a plan, over all its seeds."""

from __future__ import annotations

import hashlib

import msgspec

from shipkeeper.model.record import API_VERSION, Record, Spread


class LowerBound(Record, frozen=True, kw_only=True):
    """No schedule can be shorter than ``value`` seconds; ``binding`` says which limit makes it so."""

    value: float
    binding: str


class NodeForecast(Record, frozen=True, kw_only=True):
    """When a node passes each mark, in seconds from the start. None: it never did, in most seeds."""

    name: str
    cordoned: Spread | None = None
    drained: Spread | None = None
    ready: Spread | None = None
    done: Spread | None = None
    serves: Spread | None = None
    """When it was proven to serve, between ``ready`` and ``done``."""


class WorkloadForecast(Record, frozen=True, kw_only=True):
    """What a workload feels. ``downtime_seconds``: no Ready pod; ``degraded_seconds``: below desired."""

    kind: str
    namespace: str
    name: str
    downtime_seconds: Spread
    degraded_seconds: Spread
    evictions: float


class BlockedPod(Record, frozen=True, kw_only=True):
    """A pod that stopped a node, the rule that did it, and in how many of the seeds."""

    node: str
    pod: str
    rule: str
    reason: str
    seeds: int


class Assumption(Record, frozen=True, kw_only=True):
    """A figure or behaviour the rehearsal had to assume, and how it is labelled: declared, modelled, measured."""

    what: str
    value: str
    source: str


class Forecast(Record, frozen=True, kw_only=True):
    """The answer of ``rehearse``. ``verdict``: fits | does-not-fit | blocked, by P95 over the seeds."""

    api_version: str = API_VERSION
    kind: str = "Forecast"
    plan_digest: str
    made_at: str
    verdict: str
    seeds: int
    duration_seconds: Spread
    lower_bound_seconds: LowerBound
    baseline_seconds: Spread
    """One node at a time."""
    gap: float | None
    """P50 over the lower bound, minus one; None where the plan is blocked, for it then ends before its work does."""
    nodes: tuple[NodeForecast, ...]
    workloads: tuple[WorkloadForecast, ...]
    blocked: tuple[BlockedPod, ...]
    assumptions: tuple[Assumption, ...]
    measurements: tuple[Assumption, ...]
    alternatives: tuple[str, ...] = ()
    """Other settings that were rehearsed, in words."""
    deferred: tuple[str, ...] = ()
    """Nodes that the plan would not start inside the window, in most seeds."""
    trace_digest: str = ""
    notes: tuple[str, ...] = ()
    """What else happened, in words, and in how many of the seeds: preemptions, failed Jobs, pods left Pending."""
    doubts: tuple[str, ...] = ()
    """What could not be read and may stop a drain: with any of it, a verdict of fits holds only as far as is known."""

    @property
    def known_to_fit(self) -> bool:
        """Whether it fits, and nothing that may stop a drain was left unread."""
        return self.verdict == "fits" and not self.doubts

    def digest(self) -> str:
        """SHA-256 over the forecast's canonical JSON; what a run records as the forecast it was compared with.

        Read back once, so that a figure given as 30 and one given as 30.0 make the same digest. No doubts are left
        out: a forecast from before there were any keeps its digest.
        """
        read_back = msgspec.json.decode(msgspec.json.encode(self), type=Forecast)
        text = msgspec.json.encode(read_back, order="deterministic")
        if not self.doubts:
            text = text.removesuffix(b',"doubts":[]}') + b"}"
        return "sha256:" + hashlib.sha256(text).hexdigest()
