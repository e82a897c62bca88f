"""What class a change is of, and everything that was looked at to say so."""

from __future__ import annotations

from msgspec import field

from shipkeeper.model.record import Record


class Evidence(Record, frozen=True, kw_only=True):
    """One thing that was found, in one input."""

    source: str
    """version | crds | values | chart | manifests | changelog | removed-apis | vulnerabilities | exposure | scope."""
    kind: str
    object: str
    text: str
    weight: str
    """breaking: what was valid before may be refused or lost. risky: it may behave otherwise. security: it mends a
    vulnerability. note: worth knowing, and no reason for a class.
    """
    path: str = ""
    """Where in the object: a JSON path, a values key, a line of a changelog."""
    reach: str = "unknown"
    """Who meets it: ``developers`` of applications, the ``platform`` team only, or ``unknown``, which counts as
    developers.
    """
    used: str = "unknown"
    """Whether anything that exists is affected: yes | no | unknown."""
    affected: tuple[str, ...] = ()
    """Objects that are; the first few."""


class Gap(Record, frozen=True, kw_only=True):
    """Something that could not be looked at, and what that means for the class."""

    source: str
    text: str
    effect: str = ""
    how: str = ""
    """What to give, or do, so that it is known."""


class Reason(Record, frozen=True, kw_only=True):
    """Why a class: which input says so, for which class it speaks, and the evidence in words."""

    source: str
    text: str
    speaks_for: str
    evidence: tuple[str, ...] = ()
    decides: bool = False
    """Whether the class follows from it."""


class Critical(Record, frozen=True, kw_only=True):
    """Whether a working exploit exists and is usable here. ``answer``: yes | no | ask."""

    answer: str
    reason: str
    vulnerabilities: tuple[str, ...] = ()
    """What it was answered for, or what is asked about."""
    question: str = ""
    """What a person is asked, where the answer is ask."""
    due_now: bool = False
    """Due at once: critical, or nobody has answered yet."""
    emergency: str = ""
    """Id of the declared emergency; empty where none is declared."""


class ChangeClass(Record, frozen=True, kw_only=True):
    """A change with its class. ``treated_as``: the class whose rules hold, another for unknown only."""

    component: str
    from_version: str
    to_version: str
    kind: str = field(name="class")
    """security-patch | minor | major | unknown, relative to the platform's scope: developers will not notice a minor
    change, and may notice a major one.
    """
    treated_as: str
    critical: Critical
    notice: str
    """Kind of notice that it asks for: kubernetes-minor | major | minor | emergency."""
    reasons: tuple[Reason, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    unknown: tuple[Gap, ...] = ()
