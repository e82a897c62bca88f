"""A person reboots the node; the run tells when, and watches for the new boot id."""

from __future__ import annotations

from collections.abc import Mapping

from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import RebootPlan
from shipkeeper.model.time import SECOND
from shipkeeper.ports.reboot import Commands, Delivery, RebootReceipt
from shipkeeper.ports.secrets import Secrets


class ManualReboot:
    """Asks a person. Whether the machine was asked is never known; that it rebooted, its boot id tells."""

    name = "manual"

    def __init__(self, deadline_ms: int) -> None:
        self.deadline_ms = deadline_ms

    @classmethod
    def from_plan(
        cls, reboot: RebootPlan, environ: Mapping[str, str], commands: Commands, secrets: Secrets
    ) -> ManualReboot:
        """The driver with the plan's time-out as its deadline."""
        return cls(reboot.timeout_seconds * SECOND)

    async def request(self, node: Node, token: str) -> RebootReceipt:
        """Say what a person is to do now."""
        where = f" ({node.address})" if node.address else ""
        return RebootReceipt("unknown", f"reboot {node.name}{where} now, by hand; the run watches for its new boot id")

    async def was_delivered(self, node: Node, token: str) -> Delivery:
        """Nobody but the person knows."""
        return "unknown"

    def manual(self, node: str) -> str:
        """The words for a person."""
        return f"reboot {node} by hand, as your team does it (console, hypervisor, ssh)"
