"""What runs: one inventory, from a saved file, a dump, or a live cluster.

What reads dumps and live clusters is imported when it is needed: most verbs of most days read a saved inventory.
"""

from __future__ import annotations

import os
import sys

from msgspec.structs import replace

from shipkeeper.app.inventory_file import is_saved_inventory, load
from shipkeeper.app.sources import Source
from shipkeeper.model.inventory import Inventory


async def survey(source: Source, *, platform: bool = True) -> Inventory:
    """Read what runs. Raises BadInput for a file that cannot be used, Unreachable for a cluster that cannot.

    Without ``platform`` a live cluster is asked for Kubernetes' own objects only: enough to drain nodes, and no Secret.
    """
    if not source.live:
        return load_inventory(source.path)
    from shipkeeper.app.survey_live import survey_live
    from shipkeeper.integrations.kubernetes.connect import connect

    async with connect(
        environ=os.environ,
        kubeconfig=source.kubeconfig or None,
        context=source.context or None,
        interactive=sys.stdin.isatty(),
    ) as connection:
        now_ms = await connection.cluster.server_time_ms()
        return await survey_live(connection.source, now_ms, platform=platform)


def read_inventory(source: Source, *, platform: bool = True) -> Inventory:
    """``survey`` for callers outside an event loop."""
    if not source.live:
        return load_inventory(source.path)
    import asyncio

    return asyncio.run(survey(source, platform=platform))


def load_inventory(path: str) -> Inventory:
    """A saved inventory, or a dump in any layout; told by content. Raises BadInput."""
    if is_saved_inventory(path):
        return load(path)
    from shipkeeper.integrations.dumps import read_dump
    from shipkeeper.semantics.platform_links import linked

    return linked(read_dump(path))


def with_facts(inventory: Inventory, path: str) -> tuple[Inventory, tuple[str, ...]]:
    """The inventory with facts of hosts from a file or folder, and remarks about hosts that gave none.

    Raises BadInput for facts that cannot be used.
    """
    from shipkeeper.integrations.hostfacts import read_facts
    from shipkeeper.semantics.hosts import with_gathered

    gathered = read_facts(path)
    facts, strangers = with_gathered(inventory.nodes, inventory.node_facts, gathered.hosts)
    notes = list(gathered.notes)
    if strangers:
        notes.append(f"facts of hosts that are no node of this cluster were left out: {', '.join(strangers)}")
    return replace(inventory, node_facts=facts), tuple(notes)
