"""Giving a node back on a live cluster, after the run that left it cordoned is over."""

from __future__ import annotations

import asyncio
import os
import sys

from msgspec import Struct

from shipkeeper.app.live import live_world
from shipkeeper.app.runs import look
from shipkeeper.app.state import State
from shipkeeper.execution.release import refuse_what_is_not_over, release
from shipkeeper.execution.status import RunView
from shipkeeper.integrations.kubernetes.connect import connect
from shipkeeper.integrations.system.runtime import AsyncioRuntime
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.errors import BadInput
from shipkeeper.model.platform import Platform
from shipkeeper.model.run import NodeLeft


class Release(Struct, frozen=True, kw_only=True):
    """What a person asked of ``runs release``."""

    run: str
    node: str
    reason: str = ""
    without_proof: str = ""
    context: str = ""
    kubeconfig: str = ""


def release_live(wish: Release, state: State, platform: Platform) -> NodeLeft:
    """Uncordon the node on the cluster of its context, on the run's record; returns how it is left.

    Raises BadInput for a run or node nobody knows, and what ``execution.release`` raises.
    """
    look(state, wish.run)
    return asyncio.run(_release(wish, state, platform))


async def _release(wish: Release, state: State, platform: Platform) -> NodeLeft:
    journal = SqliteJournal(state.journal_path)
    try:
        known = RunView.of(journal.read(wish.run))
        plan = known.plan
        if plan is None:
            raise BadInput(f"{wish.run} has no plan on record", object=wish.run)
        refuse_what_is_not_over(known, wish.node)
        async with connect(
            environ=os.environ,
            kubeconfig=wish.kubeconfig or None,
            context=wish.context or None,
            interactive=sys.stdin.isatty(),
        ) as connection:
            world = live_world(connection, AsyncioRuntime(), journal, state, platform, plan, reboot=None)
            return await release(plan, wish.run, world, wish.node, reason=wish.reason, without_proof=wish.without_proof)
    finally:
        journal.close()
