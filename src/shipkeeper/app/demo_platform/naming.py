"""Names, UIDs, choices and times that are the same on every run: all from digests of what they are for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from shipkeeper.model.time import DAY, MINUTE, SECOND, iso, parse_instant

TAKEN_MS = parse_instant("2026-11-20T08:30:00Z")
"""When the dump pretends to have been taken."""
EVENING_MS = parse_instant("2026-12-01T19:05:00Z")
"""When it was taken again: the evening of the night."""
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True)
class Moment:
    """A moment that the platform is seen at. ``mended``: the team has mended what the first survey found."""

    at_ms: int = TAKEN_MS
    mended: bool = False

    def ago(self, days: float) -> str:
        """So many days before, as the API writes times."""
        return stamp(self.at_ms - round(days * DAY))

    def ahead(self, days: float) -> str:
        """So many days later."""
        return self.ago(-days)


FIRST, EVENING = Moment(), Moment(EVENING_MS, mended=True)


def number(*parts: str) -> int:
    """A number of 64 bits for these words."""
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "big")


def between(low: int, high: int, *parts: str) -> int:
    """A whole number from ``low`` to ``high``, both included."""
    return low + number(*parts) % (high - low + 1)


def uid(*parts: str) -> str:
    """A UID in the form of a random UUID."""
    text = hashlib.sha256("\0".join(("uid", *parts)).encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"


def suffix(length: int, *parts: str) -> str:
    """Letters and digits as Kubernetes appends them to names."""
    rest, letters = number("suffix", *parts), []
    for _ in range(length):
        rest, place = divmod(rest, len(_ALPHABET))
        letters.append(_ALPHABET[place])
    return "".join(letters)


def version(*parts: str) -> str:
    """A resourceVersion."""
    return str(between(41_000_000, 58_000_000, "version", *parts))


def before(days: int, *parts: str) -> int:
    """A moment about that many days before the dump, to the second."""
    return TAKEN_MS - days * DAY - between(0, 20 * 60, "before", *parts) * MINUTE - between(0, 59, *parts) * SECOND


def stamp(at_ms: int) -> str:
    """As the API writes times."""
    return iso(at_ms - at_ms % SECOND)
