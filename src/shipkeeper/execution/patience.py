"""The cluster, with patience: an API server that cannot be reached is waited for; one that lets us not in is not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from itertools import chain
from typing import Generic, TypeVar

from shipkeeper.execution.control import Control
from shipkeeper.execution.lease import LeaseKeeper
from shipkeeper.execution.record import Record
from shipkeeper.execution.signals import Stopped, StopRequest
from shipkeeper.execution.world import RunOptions, World
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.errors import Unauthenticated, Unreachable
from shipkeeper.model.nodes import Node
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.room import Room
from shipkeeper.model.time import SECOND, format_duration
from shipkeeper.model.workloads import Budget, Workload
from shipkeeper.ports.cluster import Change, Eviction, EvictionAnswer, NodePatch, Watch
from shipkeeper.ports.runtime import DeadlineExceeded

T = TypeVar("T")

_FIRST_MS = SECOND
_LONGEST_MS = 15 * SECOND
_ONE_BY_ONE = 3


class _TooSlow(Unreachable):
    """An effect that was given up because the lease might not have outlived it."""


class PatientWatch(Generic[T]):
    """``ports.cluster.Watch`` that outlives trouble: it begins again with what is present."""

    def __init__(self, api: PatientApi, open: Callable[[], Watch[T]]) -> None:
        self._api, self._open = api, open
        self._watch = open()
        self._silent = False
        """It was opened anew after a 401, and has told nothing since."""

    async def receive(self) -> Change[T]:
        """Wait for the next change. Raises Stopped when the server does not let us in, even with a new credential."""
        while True:
            try:
                change = await self._watch.receive()
            except Unreachable as error:
                self._watch.close()
                await self._api.after_broken_watch(error, self._silent)
                self._silent = isinstance(error, Unauthenticated)
                self._watch = self._open()
                continue
            self._silent = False
            return change

    def close(self) -> None:
        """Stop the watch. Idempotent."""
        self._watch.close()


class PatientApi:
    """Reads, and writes that may be repeated, of ``ports.cluster.ClusterApi``.

    Unreachable: tried again, ever more slowly, for ``unreachable_ms``; then the run is held (exit 7). Unauthenticated:
    tried once more, which runs the credential again; then the run pauses (exit 7). Everything else is handed on.
    """

    def __init__(self, world: World, options: RunOptions, control: Control, record: Record, lease: LeaseKeeper) -> None:
        self._api, self._runtime, self._lease = world.api, world.runtime, lease
        self._options, self._control, self._record = options, control, record
        self._away_since: int | None = None

    async def identity(self) -> ClusterIdentity:
        """See ports.cluster."""
        return await self.patiently(self._api.identity)

    async def whoami(self) -> str:
        """See ports.cluster."""
        return await self.patiently(self._api.whoami)

    async def server_time_ms(self) -> int:
        """See ports.cluster."""
        return await self.patiently(self._api.server_time_ms)

    async def get(self, kind: type[T], name: str, namespace: str = "") -> T | None:
        """See ports.cluster: a quorum read."""
        return await self.patiently(lambda: self._api.get(kind, name, namespace))

    async def list(self, kind: type[T], *, namespace: str = "", node: str = "") -> tuple[T, ...]:
        """See ports.cluster: a quorum read."""
        return await self.patiently(lambda: self._api.list(kind, namespace=namespace, node=node))

    async def budgets(self, namespaces: Collection[str]) -> Sequence[Budget]:
        """At least the budgets of these namespaces, and perhaps others.

        Many are read with one list of all: a request costs more than what it brings.
        """
        if len(namespaces) > _ONE_BY_ONE:
            return await self.list(Budget)
        read = [await self.list(Budget, namespace=name) for name in sorted(namespaces)]
        return tuple(chain.from_iterable(read))

    async def workloads(self, refs: Sequence[ObjectRef]) -> tuple[Workload | None, ...]:
        """See ports.cluster."""
        return await self.patiently(lambda: self._api.workloads(refs))

    async def all_workloads(self) -> tuple[Workload, ...]:
        """See ports.cluster."""
        return await self.patiently(self._api.all_workloads)

    async def room(self) -> Room:
        """See ports.cluster."""
        return await self.patiently(self._api.room)

    async def patch_node(self, name: str, patch: NodePatch) -> Node:
        """See ports.cluster. Raises Conflict also when our own patch arrived and its answer did not."""
        return await self.patiently(lambda: self._effect("patch a node", lambda: self._api.patch_node(name, patch)))

    async def evict_many(self, evictions: Sequence[Eviction]) -> tuple[EvictionAnswer, ...]:
        """See ports.cluster. With the UID as precondition an eviction may be repeated.

        Where no answer came in time it is ``busy`` with code 0: the pod tells what became of it.
        """

        async def ask() -> tuple[EvictionAnswer, ...]:
            try:
                return await self._effect("evict", lambda: self._api.evict_many(evictions))
            except _TooSlow as error:
                return tuple(EvictionAnswer(item, "busy", 0, error.code, error.message) for item in evictions)

        return await self.patiently(ask)

    async def _effect(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        """One attempt at an effect: also a repeated one begins only under a lease that outlives it.

        Raises _TooSlow (Unreachable) when it was given up, so that it cannot go on under somebody else's lease.
        """
        await self._lease.ensure(self._options.call_ms)
        try:
            return await self._runtime.deadline(self._options.call_ms, call)
        except DeadlineExceeded:
            span = format_duration(self._options.call_ms)
            raise _TooSlow(f"{what}: the API server did not answer within {span}", code="timeout") from None

    def watch(self, kind: type[T], *, namespace: str = "", node: str = "") -> PatientWatch[T]:
        """See ports.cluster: a watch that is opened again when it breaks."""
        return PatientWatch(self, lambda: self._api.watch(kind, namespace=namespace, node=node))

    async def after_broken_watch(self, error: Unreachable, again: bool) -> None:
        """Wait before a watch is opened anew. Raises Stopped when its server does not let us in.

        ``again``: the watch before broke as well, and told nothing. How long the server is away, other calls say.
        """
        if not isinstance(error, Unauthenticated):
            await self._runtime.sleep(_FIRST_MS)
        elif again:
            raise Stopped(self._locked_out(error)) from error
        else:
            await self.whoami()  # runs the credential once more

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call that may be repeated. Raises Stopped when patience ends."""
        delay_ms = _FIRST_MS
        refused = False
        while True:
            try:
                result = await call()
            except Unauthenticated as error:
                if refused:
                    raise Stopped(self._locked_out(error)) from error
                refused = True
                continue
            except Unreachable as error:
                await self._wait(error, delay_ms)
                delay_ms = min(2 * delay_ms, _LONGEST_MS)
                continue
            if self._away_since is not None:
                away = self._runtime.monotonic_ms() - self._away_since
                self._away_since = None
                self._record.note("api-back", f"the API server answers again after {format_duration(away)}")
            return result

    async def _wait(self, error: Unreachable, delay_ms: int) -> None:
        now = self._runtime.monotonic_ms()
        if self._away_since is None:
            self._away_since = now
            self._record.note(
                "api-unreachable",
                f"{error.message}; nothing is done meanwhile, and it is tried for "
                f"{format_duration(self._options.unreachable_ms)}",
                object=error.object,
            )
        if now - self._away_since >= self._options.unreachable_ms:
            request = StopRequest(
                "gate",
                "held",
                f"the API server could not be reached for {format_duration(self._options.unreachable_ms)}: "
                f"{error.message}",
                error.exit_code,
            )
            self._control.request(request)
            raise Stopped(request) from error
        await self._runtime.sleep(delay_ms)

    def _locked_out(self, error: Unauthenticated) -> StopRequest:
        request = StopRequest("gate", "paused", f"the cluster no longer accepts us: {error.message}", error.exit_code)
        self._control.request(request)
        return request
