"""Telling people: a courier takes one letter to one recipient, and says honestly what became of it."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

ReceiptState = Literal["sent", "failed", "unknown"]


class Letter(Struct, frozen=True, kw_only=True):
    """One message for one recipient of one channel. Everything a courier may need; it looks nothing up."""

    key: str
    """Its name for good. It travels with the message, so that one sent twice is recognised."""
    thread: str
    """What all messages of the same maintenance to this recipient share."""
    kind: str
    audience: str
    to: str
    subject: str
    body: str
    """Plain text: paragraphs between empty lines, and lists whose lines begin with ``- ``."""
    sent_ms: int
    opens_at: str = ""
    closes_at: str = ""
    """The window, RFC 3339; empty where there is none."""
    calendar: str = ""
    """An iCalendar text to go with it; empty: none."""
    began: str = ""
    """Proof of the first message of this thread on this channel: what later ones are added to. Empty: this is it."""


class Receipt(Struct, frozen=True):
    """What became of a letter. ``failed`` is certain: nobody got it. Whatever is not certain is ``unknown``."""

    state: ReceiptState
    proof: str = ""
    """What the service answered: an id, an address, a code."""
    reason: str = ""
    """Why it is not sent, in words without any secret."""


class Courier(Protocol):
    """A way to tell people something."""

    def deliver(self, letter: Letter) -> Receipt:
        """Take it there, once; never raises for what the service does."""

    def find(self, letter: Letter, since_ms: int) -> Receipt:
        """Whether a letter of that key arrived since then. ``unknown`` where the service cannot tell."""

    def close(self) -> None:
        """Give up connections. Idempotent."""
