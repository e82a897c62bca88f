"""Before the night: whether everything that survey, plan and run need is there, here and on the cluster."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from msgspec import Struct

from shipkeeper.app.diagnosis import Check, Diagnosis, failed, failure, passed, unknown, warned
from shipkeeper.app.doctor_here import channel_checks, driver_checks, platform_checks, state_checks
from shipkeeper.app.doctor_rights import in_words, missing_rights, single_rights
from shipkeeper.app.reboots import reboot_driver
from shipkeeper.app.rights import survey_rights
from shipkeeper.execution import marks
from shipkeeper.execution.rights import rights
from shipkeeper.integrations.kubernetes.connect import Connection, connect
from shipkeeper.integrations.kubernetes.timing import Timing
from shipkeeper.integrations.reboot_command.driver import CommandReboot
from shipkeeper.model.cluster import Lease
from shipkeeper.model.errors import Failed, Forbidden, ShipkeeperError, Unreachable, UsageProblem
from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.model.time import DAY, SECOND, format_duration, iso
from shipkeeper.planning.settings import find_cluster
from shipkeeper.semantics.skew import minor_of, write_minor

OLDEST = (1, 28)
"""The oldest minor that can be worked with: SelfSubjectReview, which tells who we are, is GA since then."""

PROVEN = ((1, 34), (1, 36))
"""The tests on real API servers run on these minors."""

SKEW_MS = 5 * SECOND
"""A run refuses to begin when the clocks are further apart."""

_TIMING = Timing(connect_ms=5 * SECOND, answer_ms=15 * SECOND, patience_ms=10 * SECOND, busy_retries=2)
_RBAC = "deploy/rbac/{file}, or: shipkeeper doctor {flag}--show-rights WHO | kubectl apply -f -"


class Question(Struct, frozen=True, kw_only=True):
    """What to look at. ``plan`` None: what any plan would need."""

    context: str = ""
    kubeconfig: str = ""
    state: str | None = None
    platform: str | None = None
    plan: Plan | None = None


def diagnose(question: Question) -> Diagnosis:
    """Look at everything, from here; never raises for what it finds. Nothing on the cluster is changed."""
    return asyncio.run(examine(question, os.environ, Path.cwd()))


async def examine(question: Question, environ: Mapping[str, str], cwd: Path, timing: Timing = _TIMING) -> Diagnosis:
    """The same, with the environment, the folder to look for a platform file from, and the client's clock given."""
    platform, said = platform_checks(question.platform, cwd)
    here = [*state_checks(question.state), *said, *driver_checks(question.plan, platform, environ)]
    here += channel_checks(platform, environ)
    try:
        there, context, reached = await _cluster(question, platform, environ, timing)
    except UsageProblem as error:  # the rest is looked at all the same
        checks = (failure("context", error), *here)
        return Diagnosis(context=question.context, checks=checks, reached=True, found=False)
    return Diagnosis(context=context, checks=(*there, *here), reached=reached)


async def _cluster(
    question: Question, platform: Platform, environ: Mapping[str, str], timing: Timing
) -> tuple[list[Check], str, bool]:
    """(checks, context, reached). Raises UsageProblem when there is no such cluster to ask."""
    warnings: list[str] = []
    connection = connect(
        environ=environ,
        kubeconfig=question.kubeconfig or None,
        context=question.context or None,
        interactive=sys.stdin.isatty(),
        on_warning=warnings.append,
        timing=timing,
    )
    async with connection:
        access = connection.access
        visit = _Visit(connection, question, platform, environ, timing)
        await visit.all()
        said = f"{access.context}: {access.server}"
        first = warned("context", "; ".join((said, *access.warnings))) if access.warnings else passed("context", said)
        extra = [warned("server's warning", text) for text in dict.fromkeys(warnings) if text not in access.warnings]
        return [first, *visit.found, *extra], access.context, visit.reached


class _Visit:
    """The checks on one cluster, one after the other; the first that shows it out of reach ends them."""

    def __init__(
        self,
        connection: Connection,
        question: Question,
        platform: Platform,
        environ: Mapping[str, str],
        timing: Timing,
    ) -> None:
        self._connection, self._question = connection, question
        self._plan, self._environ, self._timing = question.plan, environ, timing
        self.found: list[Check] = []
        self.reached = True
        self._lease_namespace = "kube-system"
        try:
            name = self._plan.cluster.name if self._plan is not None else ""
            uid = self._plan.cluster.uid if self._plan is not None else ""
            cluster = find_cluster(platform, "", name or connection.access.context, uid)
            if cluster is not None:
                self._lease_namespace = cluster[1].lease_namespace
        except ShipkeeperError as error:
            self.found.append(failure("platform's cluster", error))

    async def all(self) -> None:
        """Make every check that can be made."""
        checks: tuple[tuple[str, Callable[[], Awaitable[Check]]], ...] = (
            ("credential", self._credential),
            ("reach", self._reach),
            ("who", self._who),
            ("clock", self._clock),
            ("survey's rights", self._survey_rights),
            ("run's rights", self._run_rights),
            ("lease", self._lease),
        )
        if self._plan is not None:
            checks += (("plan's cluster", self._identity), ("plan's nodes", self._nodes))
        for id, check in checks:
            if not self.reached:
                self.found.append(unknown(id, "not asked: the cluster cannot be reached"))
                continue
            try:
                self.found.append(await check())
            except Forbidden as error:
                self.found.append(unknown(id, error.message, "see what is allowed: kubectl auth can-i --list"))
            except Unreachable as error:
                self.reached = False
                self.found.append(failure(id, error))
            except ShipkeeperError as error:
                self.found.append(failure(id, error))

    async def _credential(self) -> Check:
        facts = await self._connection.credential_facts()
        what = facts.kind + (f" {facts.command}" if facts.command else "")
        zone = self._plan.window.zone if self._plan is not None and self._plan.window is not None else "UTC"
        if facts.kind == "none":
            return warned("credential", "none: the API server sees us as anonymous", "log in the way this context does")
        ends = facts.expires_ms
        until = f", ends {iso(ends, zone)}" if ends is not None else ", its end is not told"
        renewable = ", renews itself" if facts.renewable else ""
        reading = f"{what}{until}{renewable}"
        mend = "use a credential that renews itself, such as a service account's token, or log in for longer"
        if facts.interactive == "Always":
            return failed("credential", f"{what} needs a person at the terminal, and in the night nobody answers", mend)
        if ends is None or facts.renewable:
            return passed("credential", reading)
        now = self._timing.now_ms()
        if ends <= now:
            return failed("credential", f"{what} ended {iso(ends, zone)}", "log in again")
        if self._plan is not None and self._plan.window is not None:
            needed = self._plan.window.closes_ms + self._plan.reserve_seconds * SECOND
            if ends < needed:
                return failed("credential", f"{reading}; the plan needs it until {iso(needed, zone)}", mend)
        if ends - now < DAY:
            return warned("credential", f"{reading}, in {format_duration(ends - now)}", mend)
        return passed("credential", reading)

    async def _reach(self) -> Check:
        version = await self._connection.cluster.server_version()
        minor = minor_of(version)
        if minor is None:
            return unknown("reach", f"the server's version {version!r} cannot be read")
        if minor < OLDEST:
            return failed("reach", f"{version} is older than {write_minor(OLDEST)}", "upgrade the cluster first")
        if not PROVEN[0] <= minor <= PROVEN[1]:
            proven = f"{write_minor(PROVEN[0])} to {write_minor(PROVEN[1])}"
            return warned(
                "reach", f"{version}; Shipkeeper is proven on {proven}", "rehearse, and try a small plan first"
            )
        return passed("reach", version)

    async def _who(self) -> Check:
        return passed("who", await self._connection.cluster.whoami())

    async def _clock(self) -> Check:
        before = self._timing.now_ms()
        theirs = await self._connection.cluster.server_time_ms()
        after = self._timing.now_ms()
        # The Date header tells whole seconds: the server's instant lies anywhere inside that second.
        apart = max(0, before - (theirs + SECOND - 1), theirs - after)
        if apart > SKEW_MS:
            words = f"this machine says {iso(after)}, the API server {iso(theirs)}: {format_duration(apart)} apart"
            return failed("clock", words, "mend time synchronisation on whichever is wrong; a run refuses to begin")
        return passed("clock", f"{apart / SECOND:.1f} s apart")

    async def _survey_rights(self) -> Check:
        wanted = single_rights(survey_rights(), self._lease_namespace)
        missing = await missing_rights(self._connection, wanted)
        if not missing:
            return passed("survey's rights", f"all {len(wanted)} there")
        words = f"{len(missing)} of {len(wanted)} missing: {in_words(missing)}"
        return failed("survey's rights", words, "kubectl apply -f deploy/rbac/survey.yaml, bound to you")

    async def _run_rights(self) -> Check:
        wanted = single_rights(rights(self._plan), self._lease_namespace)
        missing = await missing_rights(self._connection, wanted)
        if not missing:
            return passed("run's rights", f"all {len(wanted)} there")
        words = f"{len(missing)} of {len(wanted)} missing: {in_words(missing)}"
        mend = _RBAC.format(file="runner.yaml", flag="" if self._plan is None else "--plan PLAN ")
        # Whoever only surveys and plans does not need them.
        return warned("run's rights", words, mend) if self._plan is None else failed("run's rights", words, mend)

    async def _lease(self) -> Check:
        where = f"{self._lease_namespace}/{marks.LEASE_NAME}"
        try:
            lease = await self._connection.cluster.get(Lease, marks.LEASE_NAME, self._lease_namespace)
        except Forbidden:
            mend = _RBAC.format(file="runner.yaml", flag="")
            make = warned if self._plan is None else failed
            return make("lease", f"{where} may not be read, so who runs here now is not known", mend)
        if lease is None:
            return passed("lease", f"{where} is not there yet; the first run makes it")
        if not lease.holder:
            return passed("lease", f"{where} is free")
        ends = lease.renewed_ms + lease.duration_ms
        now = self._timing.now_ms()
        if ends > now:
            mend = f"shipkeeper runs status {lease.holder}"
            return warned(
                "lease", f"{where} is held by {lease.holder}: a run that would work now is refused while it lives", mend
            )
        words = (
            f"{where} was left by {lease.holder}, which last renewed it {format_duration(now - lease.renewed_ms)} ago"
        )
        return warned("lease", words, f"if that run is not over: shipkeeper run --resume {lease.holder}")

    async def _identity(self) -> Check:
        assert self._plan is not None
        identity = await self._connection.cluster.identity()
        if identity.uid != self._plan.cluster.uid:
            return failed(
                "plan's cluster",
                f"the plan is for {self._plan.cluster.name or 'a cluster'} with UID {self._plan.cluster.uid}, "
                f"this one has {identity.uid}",
                "name the plan's context with --context",
            )
        return passed("plan's cluster", f"kube-system has the plan's UID {identity.uid}")

    async def _nodes(self) -> Check:
        """Whether each node is the plan's, and has what the reboot command names."""
        assert self._plan is not None
        try:
            driver = reboot_driver(self._plan, self._environ, self._question.kubeconfig)
        except Failed:
            driver = None  # told by the check of the driver itself
        nodes = {node.name: node for node in await self._connection.cluster.list(Node)}
        wrong: list[str] = []
        for planned in self._plan.nodes:
            node = nodes.get(planned.name)
            if node is None:
                wrong.append(f"{planned.name} is gone")
            elif planned.uid and node.uid != planned.uid:
                wrong.append(f"{planned.name} is another machine than the plan's")
            elif isinstance(driver, CommandReboot):
                try:
                    driver.check(node)
                except ShipkeeperError as error:
                    wrong.append(error.message)
        if wrong:
            words = "; ".join(wrong[:3]) + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else "")
            return failed("plan's nodes", words, "survey and plan again, or mend the reboot driver's argv")
        return passed("plan's nodes", f"all {len(self._plan.nodes)} there, with what their reboot needs")
