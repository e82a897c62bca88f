"""Secrets in memory: held so that no message, log or traceback can show them by accident."""

from __future__ import annotations

import re
from typing import Protocol

_RUN = re.compile(r"[A-Za-z0-9+/=_\-.]{24,}")
_HEX = re.compile(r"[0-9a-fA-F]{32,}")
_USERINFO = re.compile(r"(://)[^/@\s]+@")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+\S+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Secret:
    """A value whose text form is ``***``. Compares by value; ``reveal`` is the one way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: for the wire only."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class Secrets(Protocol):
    """Turns references (``env:NAME``, ``file:PATH``) into secrets, at the moment when they are needed."""

    def read(self, reference: str, what: str) -> Secret:
        """The secret behind a reference; ``what`` says in an error what it is for.

        Raises BadInput (code secret-not-readable), naming the reference where it is one, and never the value.
        """


def redact(text: str, limit: int = 300) -> str:
    """Foreign text for an error message: one line, cut, and without anything that looks like a credential.

    Names of Kubernetes objects stay: they are lower case. Encoded secrets mix cases and digits, or are long hex.
    """
    flat = _CONTROL.sub(" ", " ".join(text.split()))
    clean = _BEARER.sub(r"\1 …", _USERINFO.sub(r"\1…@", flat))
    clean = _RUN.sub(lambda match: "…" if _looks_encoded(match.group()) else match.group(), clean)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _looks_encoded(run: str) -> bool:
    mixed = any(c.isupper() for c in run) and any(c.islower() for c in run) and any(c.isdigit() for c in run)
    return mixed or _HEX.search(run) is not None
