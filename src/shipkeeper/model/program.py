"""A programme of maintenance: which work goes into which window, in which order, and what if it goes wrong."""

from __future__ import annotations

import hashlib

import msgspec

from shipkeeper.model.plan import Estimate, PlanWindow
from shipkeeper.model.record import API_VERSION, Record

WINDOWS_AHEAD = 6
"""So many windows of each environment are planned into, unless somebody says otherwise."""


class WorkStep(Record, frozen=True, kw_only=True):
    """One step of a piece of work. ``phase``: read | backup | crds | operator | apply | nodes | verify."""

    id: str
    phase: str
    text: str
    why: str
    manual: tuple[str, ...]
    """What a person types when the tool is down."""
    seen: str
    """What must be seen before the next step."""
    estimate_seconds: Estimate
    final: bool = False
    """From here on there is no way back but forward."""
    forward: str = ""
    """What to do when it fails: forward, not back."""


class Impact(Record, frozen=True, kw_only=True):
    """What people may notice. ``label``: declared, modelled or measured; ``seconds`` None: nobody has a figure."""

    label: str
    text: str
    seconds: tuple[float, float] | None = None
    source: str = ""


class Work(Record, frozen=True, kw_only=True):
    """One upgrade of one component in one cluster: one hop of its path."""

    id: str
    component: str
    product: str
    environment: str
    cluster: str
    content: str
    """os | kubernetes | system-pods: what a window must be agreed for."""
    from_version: str
    to_version: str
    change: str
    """security-patch | minor | major | kubernetes-minor | unknown."""
    change_why: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    """Further classes whose notice applies: of all the longest wins."""
    needs_window: bool = True
    needed_by: str = ""
    """A date or RFC 3339; empty: nothing sets one."""
    reason: str = ""
    owner: str = ""
    rank: int = 80
    needs: tuple[str, ...] = ()
    """Ids of works that must be done before."""
    not_before: str = ""
    """RFC 3339: earlier its notice would come too late."""
    estimate_seconds: Estimate = Estimate(p50=0, p95=0, source="declared")
    impacts: tuple[Impact, ...] = ()
    steps: tuple[WorkStep, ...] = ()
    approvals: tuple[str, ...] = ()
    """Who must have said yes, in words."""
    source: str = ""
    alone: bool = False
    """The hop before it must be in an earlier window: the platform shows that it is well in between."""


class Slot(Record, frozen=True, kw_only=True):
    """One window with what is planned in it, in order; ``window`` None: work that needs none."""

    environment: str
    name: str = ""
    window: PlanWindow | None = None
    works: tuple[str, ...] = ()
    planned_seconds: float = 0
    usable_seconds: float | None = None


class Unplaced(Record, frozen=True, kw_only=True):
    """Work that no window holds, and why."""

    work: str
    why: str
    late: bool = False


class DecisionPoint(Record, frozen=True, kw_only=True):
    """A moment of a window at which somebody decides. Times are RFC 3339."""

    window_opens: str
    at: str
    question: str
    otherwise: str
    final: str = ""
    """The step of the work after which there is no way back but forward, and what to do then if it fails."""


class Program(Record, frozen=True, kw_only=True):
    """The whole programme. ``digest`` is SHA-256 over everything else."""

    api_version: str = API_VERSION
    kind: str = "Program"
    digest: str = ""
    created_at: str
    platform: str
    zone: str
    works: tuple[Work, ...]
    slots: tuple[Slot, ...]
    unplaced: tuple[Unplaced, ...] = ()
    late: tuple[str, ...] = ()
    """What is not done by the date on which it is needed, in sentences."""
    contingency: tuple[DecisionPoint, ...] = ()
    contacts: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def sealed(self) -> Program:
        """The same programme with its digest filled in."""
        body = msgspec.json.encode(msgspec.structs.replace(self, digest=""), order="deterministic")
        return msgspec.structs.replace(self, digest="sha256:" + hashlib.sha256(body).hexdigest())

    def work(self, id: str) -> Work:
        """The work of that id. Raises KeyError when there is none."""
        return next(work for work in self.works if work.id == id)
