"""Rebooting a machine: at most once, however often we are asked."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from shipkeeper.model.nodes import Node

Delivery = Literal["delivered", "not-delivered", "unknown"]


class RebootReceipt(Struct, frozen=True):
    """What the driver knows right after the request. ``unknown``: it may or may not have reached the machine."""

    delivery: Delivery
    detail: str = ""


class Reboot(Protocol):
    """A way to reboot nodes."""

    name: str
    deadline_ms: int
    """How long after the request a node may take to come back before it is overdue."""

    async def request(self, node: Node, token: str) -> RebootReceipt:
        """Ask the machine to reboot. ``token`` is unique to this intent. Returns once the request is handed over;
        does not wait for the machine.
        """

    async def was_delivered(self, node: Node, token: str) -> Delivery:
        """After a crash: did the request with that token reach the machine? ``unknown`` is an honest answer."""

    def manual(self, node: str) -> str:
        """The command, or words, by which a person does the same."""
