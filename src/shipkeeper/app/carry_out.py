"""Carrying a plan out on a live cluster: the composition of every real adapter around ``execution``."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

from shipkeeper.app.live import live_world
from shipkeeper.app.reboots import reboot_driver
from shipkeeper.app.standing import keep_agreements, standing_gates
from shipkeeper.app.state import State
from shipkeeper.app.vigil import Vigil
from shipkeeper.execution.run import carry_out
from shipkeeper.execution.status import OVER, RunView
from shipkeeper.execution.world import Interrupts, RunOptions, RunResult
from shipkeeper.integrations.kubernetes.connect import Connection, connect
from shipkeeper.integrations.reboot_command.driver import CommandReboot
from shipkeeper.integrations.system.entropy import new_run_id
from shipkeeper.integrations.system.runtime import AsyncioRuntime
from shipkeeper.journal.sqlite import SqliteInbox, SqliteJournal
from shipkeeper.model.errors import BadInput, Refused
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.model.time import DAY, SECOND, format_duration, iso, parse_instant
from shipkeeper.ports.journal import Entry
from shipkeeper.ports.reboot import Reboot


class Order(Struct, frozen=True, kw_only=True):
    """What a person asked of ``run``. Durations in milliseconds.

    ``hold_for_ms`` and ``pause_for_ms``: how long this process waits before it ends, resumable; None: as long as the
    window lasts.
    """

    plan: Plan
    run_id: str
    context: str = ""
    kubeconfig: str = ""
    forecast: Forecast | None = None
    without_rehearsal: str = ""
    hold_for_ms: int | None = None
    pause_for_ms: int | None = None


def unfinished(state: State, plan: Plan) -> str:
    """The run of this plan that the journal knows and that is not over; empty when there is none."""
    if not state.journal_path.exists():
        return ""
    journal = SqliteJournal(state.journal_path)
    try:
        for run in reversed(journal.runs()):
            view = RunView.of(journal.read(run))
            if view.plan is not None and view.plan.digest == plan.digest and view.state not in OVER:
                return run
    finally:
        journal.close()
    return ""


def plan_of(state: State, run_id: str) -> Plan:
    """The plan that a run carries out, from its journal. Raises BadInput for a run nobody knows."""
    if state.journal_path.exists():
        journal = SqliteJournal(state.journal_path)
        try:
            plan = RunView.of(journal.read(run_id)).plan
        finally:
            journal.close()
        if plan is not None:
            return plan
    raise BadInput(f"there is no run {run_id} in {state.folder}", hint="list them: shipkeeper runs")


def new_run() -> str:
    """A new run's id."""
    return new_run_id()


def fitting_forecast(plan: Plan, found: Forecast | None, reason: str, now_ms: int) -> None:
    """Refuse a windowed plan that was not rehearsed, or whose rehearsal is old or did not fit. Raises Refused."""
    if found is not None and found.plan_digest != plan.digest:
        raise Refused(
            "the forecast is of another plan",
            code="other-forecast",
            why=f"it was made for {found.plan_digest}, and this plan is {plan.digest}",
            hint="rehearse this plan: shipkeeper rehearse PLAN --from INVENTORY",
        )
    if plan.window is None or reason:
        return
    words = ""
    if found is None:
        words = "this plan has not been rehearsed"
    elif now_ms - parse_instant(found.made_at) > DAY:
        words = f"its rehearsal is {format_duration(now_ms - parse_instant(found.made_at))} old"
    elif found.verdict != "fits":
        words = f"its rehearsal says: {found.verdict}"
    elif found.doubts:
        words = f"its rehearsal fits only as far as is known: {found.doubts[0]}"
    if words:
        raise Refused(
            words,
            code="no-fitting-forecast",
            why="whether it ends inside the window, and what it blocks on, is not known",
            hint="shipkeeper rehearse PLAN --from INVENTORY, or run --without-rehearsal REASON",
        )


def carry_out_live(
    order: Order,
    state: State,
    platform: Platform,
    on_entry: Callable[[Entry], None],
    on_warning: Callable[[str], None],
) -> RunResult:
    """Carry the order out on the cluster of its context; Ctrl-C and SIGTERM stop at the next safe point, twice at once.

    Raises Refused, Unreachable and what else ``carry_out`` raises; the record says what was done before.
    """
    return asyncio.run(_carry_out(order, state, platform, on_entry, on_warning))


async def _carry_out(
    order: Order,
    state: State,
    platform: Platform,
    on_entry: Callable[[Entry], None],
    on_warning: Callable[[str], None],
) -> RunResult:
    plan, interrupts = order.plan, Interrupts()
    loop = asyncio.get_running_loop()
    for number in _stop_signals():
        with suppress(NotImplementedError, ValueError):  # not on the main thread, or not on this system
            loop.add_signal_handler(number, interrupts.stop)
    async with connect(
        environ=os.environ,
        kubeconfig=order.kubeconfig or None,
        context=order.context or None,
        interactive=False,  # a credential that asks a person must show now, and not at 2 AM
        on_warning=on_warning,
    ) as connection:
        runtime = AsyncioRuntime()
        fitting_forecast(plan, order.forecast, order.without_rehearsal, runtime.now_ms())
        await _credential_lasts(connection, plan)
        reboot = reboot_driver(plan, os.environ, order.kubeconfig)
        await _driver_fits(reboot, connection, plan)
        journal, inbox = SqliteJournal(state.journal_path), SqliteInbox(state.journal_path)
        try:
            keep_agreements(plan, platform, state, runtime.now_ms(), order.context)
            vigil = Vigil(connection.source, connection.cluster, plan, platform, runtime)
            world = live_world(
                connection,
                runtime,
                journal,
                state,
                platform,
                plan,
                reboot=reboot,
                inbox=inbox,
                on_entry=on_entry,
                errors=vigil.errors,
                standing=standing_gates(plan, platform, state, order.context, connection.source.platform),
                interrupts=interrupts,
            )
            options = RunOptions(
                forecast=order.forecast,
                without_rehearsal=order.without_rehearsal,
                hold_for_ms=order.hold_for_ms,
                pause_for_ms=order.pause_for_ms,
            )
            return await carry_out(plan, order.run_id, world, options)
        finally:
            journal.close()
            inbox.close()


def _stop_signals() -> tuple[signal.Signals, ...]:
    """Signals that ask for a stop. A terminal that goes away does, unless somebody said ``nohup``."""
    plain = (signal.SIGINT, signal.SIGTERM)
    hangup = getattr(signal, "SIGHUP", None)
    return plain if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN else (*plain, hangup)


async def _driver_fits(reboot: Reboot | None, connection: Connection, plan: Plan) -> None:
    """Find out now, and not once a node is drained, that a node lacks what the command needs. Raises BadInput."""
    if isinstance(reboot, CommandReboot):
        for planned in plan.nodes:
            node = await connection.cluster.get(Node, planned.name)
            if node is not None:
                reboot.check(node)


async def _credential_lasts(connection: Connection, plan: Plan) -> None:
    """Refuse a credential that needs a person at 2 AM, or that ends before the night does. Raises Refused."""
    facts = await connection.credential_facts()
    if facts.interactive == "Always":
        raise Refused(
            f"the credential plugin {facts.command or 'of this context'} needs a person at the terminal",
            code="interactive-credential",
            why="in the middle of the night nobody would answer it, and the run would stop half way",
            hint="use a credential that renews itself, such as a service account's token",
        )
    ends = facts.expires_ms
    if ends is None or facts.renewable or plan.window is None:
        return
    needed = plan.window.closes_ms + plan.reserve_seconds * SECOND
    if ends < needed:
        raise Refused(
            f"the credential ends {iso(ends, plan.window.zone)}, before the window and its reserve do",
            code="credential-ends",
            why=f"it is needed until {iso(needed, plan.window.zone)}",
            hint="log in again for longer, or use a credential that renews itself",
        )
