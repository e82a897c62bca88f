"""What custom resources have in common: conditions, times written by many hands, references."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from shipkeeper.model.errors import BadInput
from shipkeeper.model.time import parse_duration, parse_instant
from shipkeeper.semantics.wire.raw import Wire

CUT = 200
_ADDRESS = re.compile(r"\b(?:[a-z][a-z0-9+.-]*://\S+|[A-Za-z0-9._%+-]+:[^\s@/]+@\S+)")
_SECRETIVE = re.compile(
    r"(?i)\b(password|passwd|token|secret|access[-_ ]?key(?:[-_ ]?id)?|credential|authorization|bearer)"
    r"(\"?\s*[=:]\s*\"?|\s+)(?!is\b|was\b|not\b|for\b|in\b|of\b|has\b|could\b)\S+"
)


class WireCrCondition(Wire):
    """status.conditions[] of a custom resource. Some operators write booleans, some lower-case words."""

    type: str
    status: str | bool | None = None
    reason: str | None = None
    message: str | None = None
    observed_generation: int | None = None
    last_transition_time: str | None = None


class WireRef(Wire):
    """A reference to another object."""

    kind: str | None = None
    name: str | None = None
    namespace: str | None = None


class WireName(Wire):
    """A reference by name only."""

    name: str | None = None


def condition(conditions: Sequence[WireCrCondition] | None, type: str) -> WireCrCondition | None:
    """The condition of that type."""
    return next((item for item in conditions or () if item.type == type), None)


def status_of(conditions: Sequence[WireCrCondition] | None, type: str) -> str:
    """True, False or Unknown; Unknown also where there is no such condition."""
    found = condition(conditions, type)
    word = str(found.status).capitalize() if found else ""
    return word if word in ("True", "False") else "Unknown"


def short(message: str | None) -> str:
    """A message that operators wrote, fit to be kept: one line, cut, without addresses or what looks like a secret."""
    text = " ".join((message or "").split())
    text = _SECRETIVE.sub(r"\1\2(left out)", _ADDRESS.sub("(address)", text))
    return text if len(text) <= CUT else text[: CUT - 1] + "…"


def time_ms(text: str | None) -> int:
    """Epoch milliseconds of a time; 0 for none, and for one that is not readable."""
    if not text:
        return 0
    try:
        return max(0, parse_instant(text))
    except (BadInput, OverflowError, ValueError):
        return 0


def duration_ms(text: str | None) -> int:
    """Milliseconds of a Go duration (``1h0m0s``); 0 for none, and for one that is not readable."""
    if not text:
        return 0
    try:
        return parse_duration(text)
    except BadInput:
        return 0


def without_user(url: str | None) -> str:
    """A URL without user, password, query and fragment: those may be credentials."""
    text = (url or "").split("?", 1)[0].split("#", 1)[0]
    scheme, mark, rest = text.partition("://")
    if not mark:
        return text.rpartition("@")[2] if ":" in text.partition("@")[0] and "@" in text else text
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def image_version(image: str | None) -> str:
    """The tag of an image name; empty when there is none."""
    name = (image or "").partition("@")[0]
    last = name.rpartition("/")[2]
    return last.partition(":")[2]


def raw_text(value: msgspec.Raw | None) -> str:
    """A raw JSON value that should be a string; empty for anything else."""
    if value is None or bytes(value)[:1] != b'"':
        return ""
    try:
        return msgspec.json.decode(value, type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
