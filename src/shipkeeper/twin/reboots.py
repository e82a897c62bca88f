"""The reboot driver of the twin: asks its machines, with a driver's memory of what it was asked."""

from __future__ import annotations

from shipkeeper.model.errors import Failed
from shipkeeper.model.nodes import Node
from shipkeeper.ports.reboot import Delivery, RebootReceipt
from shipkeeper.twin.machines import Machines
from shipkeeper.twin.world import World


class TwinReboot:
    """Implements ports.reboot.Reboot."""

    def __init__(self, world: World, machines: Machines) -> None:
        self._world, self._machines = world, machines
        self.name = "twin"
        self.deadline_ms = world.settings.reboot_deadline_ms
        self._tokens: dict[str, Delivery] = {}
        self._takes = world.lag("driver", world.settings.api_ms)
        self._calls = 0

    async def request(self, node: Node, token: str) -> RebootReceipt:
        """Ask the machine to reboot. Raises Failed when there is no such node."""
        world = self._world
        self._calls += 1
        await world.kernel.sleep(self._takes.ms(self._calls))
        index = world.base.node_index.get(node.name, -1)
        if index < 0:
            raise Failed(f"there is no machine behind node {node.name}", object=f"Node {node.name}")
        delivery = world.faults.delivery(node.name)
        world.trace.note("reboot", f"{node.name} {delivery}")
        self._tokens[token] = "not-delivered" if delivery == "not-delivered" else "delivered"
        if delivery != "not-delivered":
            self._machines.reboot(index)
        return RebootReceipt(delivery, "the twin's machine was asked")

    async def was_delivered(self, node: Node, token: str) -> Delivery:
        """What the driver remembers of that token."""
        await self._world.kernel.sleep(1)
        return self._tokens.get(token, "not-delivered")

    def manual(self, node: str) -> str:
        """What a person would do."""
        return f"reboot the machine behind {node}"
