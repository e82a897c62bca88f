"""What a run is given: everything outside its own rules comes in through here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from msgspec import Struct

from shipkeeper.model.findings import Finding
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.time import MINUTE, SECOND
from shipkeeper.ports.cluster import ClusterApi
from shipkeeper.ports.entropy import Entropy
from shipkeeper.ports.gates import StandingGate
from shipkeeper.ports.journal import Entry, Inbox, Journal, Signer
from shipkeeper.ports.reboot import Reboot
from shipkeeper.ports.runtime import Runtime


def _ignore(entry: Entry) -> None:
    return None


def _unknown(process: str) -> bool:
    return False


@dataclass
class Interrupts:
    """How a process's signals reach a run: ``stop`` once for the next safe point, twice for now."""

    listeners: list[Callable[[], None]] = field(default_factory=list)

    def stop(self) -> None:
        """Ask every run of this process to stop."""
        for listener in list(self.listeners):
            listener()


@dataclass(frozen=True)
class World:
    """The cluster, time, memory and people, as ports.

    ``inbox`` None: nobody can leave words (a rehearsal). ``process`` tells this process from another one that carries
    out the same run; ``process_gone`` answers whether a process so named has certainly ended (False: not known).
    ``errors`` returns what ``check`` finds now, as errors, on the plan's nodes; None: nobody checks.
    ``standing``: gates about people and calendars; a rehearsal has none.
    """

    api: ClusterApi
    runtime: Runtime
    reboot: Reboot | None
    journal: Journal
    entropy: Entropy
    inbox: Inbox | None = None
    signer: Signer | None = None
    on_entry: Callable[[Entry], None] = _ignore
    lease_namespace: str = "kube-system"
    host: str = ""
    process: str = ""
    process_gone: Callable[[str], bool] = _unknown
    errors: Callable[[], Awaitable[tuple[Finding, ...]]] | None = None
    standing: tuple[StandingGate, ...] = ()
    interrupts: Interrupts = field(default_factory=Interrupts)


class RunOptions(Struct, frozen=True, kw_only=True):
    """Settings of one run. Durations in milliseconds.

    ``hold_for_ms``: how long a held run waits for the cause to go or for a person before it ends, resumable; None:
    as long as the window lasts. ``pause_for_ms``: the same for a paused one. ``felt_every_ms`` 0: what workloads
    feel is not sampled.
    """

    forecast: Forecast | None = None
    without_rehearsal: str = ""
    hold_for_ms: int | None = 0
    pause_for_ms: int | None = None
    lease_ms: int = 45 * SECOND
    renew_ms: int = 10 * SECOND
    words_every_ms: int = SECOND
    felt_every_ms: int = 5 * SECOND
    call_ms: int = 30 * SECOND
    """Longest a single call of the API may take; an effect starts only if the lease outlives it."""
    unreachable_ms: int = 15 * MINUTE
    skew_ms: int = 5 * SECOND
    suspend_ms: int = 10 * SECOND


class RunResult(Struct, frozen=True, kw_only=True):
    """How the run ended, for its caller. ``exit_code`` as in ``docs/reference/cli.md``."""

    run_id: str
    state: str
    reason: str
    exit_code: int
