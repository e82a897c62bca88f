"""Rebooting a machine: at most once, however often we are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import RebootPlan
from shipkeeper.ports.secrets import Secrets

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


class CommandEnd(Struct, frozen=True):
    """How a command ended. ``code`` None: it could not be started, or did not end by itself; ``why`` says which."""

    code: int | None
    output: bytes = b""
    """Its standard output and error together; the end of it where there was too much."""
    why: str = ""
    started: bool = True


class Commands(Protocol):
    """Starts programs from argument lists, never through a shell. What reboot drivers are given to work with."""

    async def run(self, argv: Sequence[str], timeout_ms: int, environment: Mapping[str, str]) -> CommandEnd:
        """Run it in exactly that environment and a session of its own, at most that long; then end its whole group.

        It outlives our own sudden end. Never raises for what the command does.
        """

    def running(self, variable: str, value: str) -> bool:
        """Whether a process on this machine still runs with that variable in its environment."""


class RebootDriver(Protocol):
    """What an entry point of the group ``shipkeeper.reboot_drivers`` names."""

    def from_plan(self, reboot: RebootPlan, environ: Mapping[str, str], commands: Commands, secrets: Secrets) -> Reboot:
        """The driver as that plan resolved it. Raises BadInput when the plan does not say what it needs."""
