"""Where faults enter the twin. None happen by default; a drill hands in an object that says what goes wrong when."""

from __future__ import annotations

from typing import Protocol

from shipkeeper.ports.reboot import Delivery


class Faults(Protocol):
    """Asked at each seam. Answers must depend on their arguments and the seed only."""

    def before_call(self, verb: str, key: str, at_ms: int) -> Exception | None:
        """Raised instead of making the API call (the server never saw it)."""

    def after_call(self, verb: str, key: str, at_ms: int) -> Exception | None:
        """Raised after the call took effect: a lost answer."""

    def watch_delay_ms(self, key: str, at_ms: int) -> int:
        """Added to the delivery of one change; a long one is a gap."""

    def reboot_ms(self, node: str, drawn_ms: int) -> int:
        """How long the reboot takes, given what was drawn."""

    def delivery(self, node: str) -> Delivery:
        """What the driver knows after a request."""


class NoFaults:
    """The world behaves."""

    def before_call(self, verb: str, key: str, at_ms: int) -> Exception | None:
        """Nothing fails."""
        return None

    def after_call(self, verb: str, key: str, at_ms: int) -> Exception | None:
        """No answer is lost."""
        return None

    def watch_delay_ms(self, key: str, at_ms: int) -> int:
        """No delivery is late."""
        return 0

    def reboot_ms(self, node: str, drawn_ms: int) -> int:
        """As drawn."""
        return drawn_ms

    def delivery(self, node: str) -> Delivery:
        """Every request arrives."""
        return "delivered"
