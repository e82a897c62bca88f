"""The parts of a run's world that are the same whatever is done in it: this machine, this cluster, this state."""

from __future__ import annotations

import socket
from typing import Any

from shipkeeper.app.processes import process_gone, process_name
from shipkeeper.app.state import State
from shipkeeper.execution.world import World
from shipkeeper.integrations.kubernetes.connect import Connection
from shipkeeper.integrations.system.entropy import SystemEntropy
from shipkeeper.integrations.system.runtime import AsyncioRuntime
from shipkeeper.journal.keys import load_or_make
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.planning.settings import find_cluster


def live_world(
    connection: Connection,
    runtime: AsyncioRuntime,
    journal: SqliteJournal,
    state: State,
    platform: Platform,
    plan: Plan,
    **more: Any,
) -> World:
    """The live cluster, this process and this state's key; ``more`` are the other fields of World."""
    return World(
        api=connection.cluster,
        runtime=runtime,
        journal=journal,
        entropy=SystemEntropy(),
        signer=load_or_make(state.key_path),
        lease_namespace=_lease_namespace(platform, plan),
        host=socket.gethostname(),
        process=process_name(),
        process_gone=process_gone,
        **more,
    )


def _lease_namespace(platform: Platform, plan: Plan) -> str:
    found = find_cluster(platform, "", plan.cluster.name, plan.cluster.uid)
    return found[1].lease_namespace if found is not None else "kube-system"
