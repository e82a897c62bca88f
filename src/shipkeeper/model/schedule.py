"""The maintenance schedule and what of it is due."""

from __future__ import annotations

from shipkeeper.model.record import Record

LEVELS = ("node OS", "platform stack", "core", "security component", "recurring")


def is_tied(needs_window: str) -> bool:
    """Whether these words of a row mean that a window is needed."""
    said = needs_window.strip().lower()
    return not (said in ("", "no", "false", "-", "–") or said.startswith("none"))


class Task(Record, frozen=True, kw_only=True):
    """One row of the schedule.

    ``cadence`` is words and combinations of them joined by `` or ``: daily, weekly, monthly, quarterly, yearly,
    as released, on advisory, as needed, automatic. ``window`` says whether one is required and how long.
    """

    id: str
    task: str
    level: str
    cadence: str
    needs_window: str
    """no, or the length as declared (``15–30 min``), or ``see <task>``."""
    window_seconds: tuple[int, int] | None = None
    impact: str = ""
    owner: str = ""
    action: str = ""
    """Which plan carries it out (``nodes``), empty when no plan of this tool does yet."""
    source: str = ""
    recurs: tuple[str, ...] = ()
    """The cadence in the words above, where ``cadence`` says it in a person's own; empty: read from ``cadence``."""
    questions: tuple[str, ...] = ()
    """What a person answers when they attest that it was done; none: it is done by work, not by attestation."""
    attested_by: tuple[str, ...] = ()
    """Roles whose word counts for it; none: anybody's."""
    product: str = ""
    """The product of the knowledge that it keeps up to date, where it is one."""


class Need(Record, frozen=True, kw_only=True):
    """One reason why something must be done by a date, or at once. The earliest of an item's needs binds it.

    ``kind``: cadence | end-of-life | patch | exploited | certificate | backup | removed-api | update | action.
    ``by`` is RFC 3339; empty where a date cannot be told. ``firm`` False: reckoned or forecast, nobody published it.
    """

    kind: str
    text: str
    by: str = ""
    source: str = ""
    firm: bool = True


class DueItem(Record, frozen=True, kw_only=True):
    """A task with its dates. Dates are RFC 3339, empty when unknown."""

    task: str
    level: str
    cadence: str
    needs_window: str
    impact: str
    last_done: str
    next_due: str
    state: str
    """ok | due | overdue | unknown."""
    reason: str
    owner: str
    id: str = ""
    product: str = ""
    namespaces: tuple[str, ...] = ()
    """Where the product was seen."""
    current: str = ""
    """The oldest version that runs, where the task keeps a product up to date."""
    target: str = ""
    """The version to go to: what the platform file says, else the newest line that is known."""
    hops: tuple[str, ...] = ()
    """The versions on the way, by the component's path policy, the target last."""
    hops_needed: int = 0
    """How many of them until a supported line is reached; 0 when no end of support is known."""
    needed_by: str = ""
    """The earliest date among the needs; empty: nothing sets one."""
    needs: tuple[Need, ...] = ()
    windows_left: int | None = None
    """Agreed windows that open before it is needed; None: not tied to windows, or no date."""
    late: bool = False
    """It becomes overdue before the next window that could hold it, or more hops are needed than windows are left."""
    questions: tuple[str, ...] = ()
    """What a person answers to attest it."""
    action: str = ""
    """What to type next; empty: nothing yet."""
    recurs: str = ""
    """The word of its cadence that has a period: daily, weekly, monthly, quarterly, yearly; empty: none."""
