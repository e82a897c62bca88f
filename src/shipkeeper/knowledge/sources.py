"""Where a fact is from, when it was read there, and how long it can be relied on."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

YEAR = 365


class Source(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A place facts were read, with the day they were (YYYY-MM-DD)."""

    title: str
    retrieved: str
    url: str = ""
    licence: str = ""
    shelf_days: int = YEAR
    """After that many days its facts are flagged: they may still hold, and somebody should look again."""

    def is_stale(self, on: date) -> bool:
        """Whether its shelf life is over on that day."""
        return (on - date.fromisoformat(self.retrieved)).days > self.shelf_days

    def cite(self) -> str:
        """Title and day, as a person reads them."""
        return f"{self.title}, retrieved {self.retrieved}"
