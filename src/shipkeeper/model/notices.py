"""Who has to be told what, by when: the vocabulary of notices."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.record import Record

AUDIENCES = ("users", "developers")

AGREEMENT = "agreement"
ANNOUNCEMENT, MAJOR, KUBERNETES_MINOR = "announcement", "major", "kubernetes-minor"
REMINDER, START, OVERRUN, DONE, CANCELLED = "reminder", "start", "overrun", "done", "cancelled"

FIRST = (ANNOUNCEMENT, MAJOR, KUBERNETES_MINOR)
"""The first word of a maintenance, by what it does to its readers. Only these have a lead of weeks or months."""

DURING = (START, OVERRUN, DONE)
"""What is told while a run goes on, and at its end."""

KINDS = (AGREEMENT, *FIRST, REMINDER, *DURING, CANCELLED)


class Occasion(Struct, frozen=True, kw_only=True):
    """What people are told of: one maintenance of one place.

    It is known by its place and its window, not by its plan: a plan made anew for the same window does not tell
    everybody again. A plan without a window is known by its digest.
    """

    place: str
    """The cluster's name in the platform file, else what identifies it; for an agreement its environment."""
    zone: str
    """Where leads are reckoned and times are read."""
    window: PlanWindow | None = None
    plan: str = ""
    """Digest of the plan; empty where there is none (yet)."""
    change: str = ""
    """Class of change; empty: nodes are restarted, and nothing that people build on changes."""
    also: tuple[str, ...] = ()
    """Further classes: another minor of Kubernetes that takes away what is used is a major change too."""
    namespaces: frozenset[str] | None = None
    """Those whose workloads are touched; None: not known, and everybody's may be."""
    production: bool = True
    """Whether users are there at all: what is staged is staged for developers."""
    rule: str = ""
    """Name of the recurring window that is to be agreed to, with the digest of its terms."""


class Obligation(Record, frozen=True, kw_only=True):
    """Somebody has to be told something. ``due_ms`` None: no time is set beforehand."""

    kind: str
    audience: str
    team: str = ""
    """Whose applications it is about, where they are told on channels of their own; empty: the whole audience."""
    namespaces: tuple[str, ...] = ()
    """Of that team."""
    channels: tuple[str, ...] = ()
    lead: str = ""
    """The longest lead that applies, as the platform file writes it."""
    because: str = ""
    """Which setting asks for it."""
    from_ms: int | None = None
    """Not sent by itself before that; None: at any time."""
    due_ms: int | None = None
    required: bool = False
    """Whether the window stays shut without it."""
    problem: str = ""
    """Why it cannot be met as the platform file stands; empty: it can."""
    mend: str = ""


class UsedApi(Record, frozen=True, kw_only=True):
    """An object that uses an API which goes away, as its owners are told of it."""

    object: str
    """``CronJob shop/nightly``; empty where only the requests are known."""
    api: str
    namespace: str = ""
    replacement: str = ""
    removed_in: str = ""
    kept_by: str = ""
    """What keeps it: a Helm release, a Kustomization."""


class Message(Record, frozen=True, kw_only=True):
    """A notice as it is written for one obligation."""

    kind: str
    audience: str
    subject: str
    body: str
    team: str = ""
