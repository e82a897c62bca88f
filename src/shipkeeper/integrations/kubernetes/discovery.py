"""What an API server serves: needed to tell that a kind is not installed from that we may not see it.

Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api. One request for all groups
(aggregated discovery, GA since 1.30), with the older way, a request a group version, where that is not spoken.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec
from msgspec import Struct

from shipkeeper.integrations.kubernetes.calls import Call, unexpected
from shipkeeper.integrations.kubernetes.transport import Transport
from shipkeeper.model.errors import Failed

T = TypeVar("T")

_AGGREGATED = ",".join(
    (
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        "application/json",
    )
)


class Served(Struct, frozen=True, order=True):
    """A resource that the server serves. ``version`` is the one it prefers."""

    group: str
    version: str
    resource: str
    kind: str
    namespaced: bool

    @property
    def path(self) -> str:
        """URL path of the collection over all namespaces."""
        return (
            f"/api/{self.version}/{self.resource}"
            if not self.group
            else (f"/apis/{self.group}/{self.version}/{self.resource}")
        )


class NotServed(Failed):
    """The API server has no such resource: what it belongs to is not installed."""

    default_code = "not-served"


class _ResponseKind(Struct):
    kind: str = ""


class _Resource(Struct, rename="camel"):
    resource: str = ""
    response_kind: _ResponseKind | None = None
    scope: str = ""


class _Version(Struct):
    version: str
    resources: list[_Resource] = []
    freshness: str = ""


class _Named(Struct, frozen=True):
    name: str = ""


class _Group(Struct):
    metadata: _Named = _Named()
    versions: list[_Version] = []


class _GroupVersion(Struct, rename="camel"):
    group_version: str
    version: str


class _OldGroup(Struct):
    name: str
    versions: list[_GroupVersion] = []


class _Groups(Struct):
    """Either form: the aggregated one has ``items``, the older ``groups`` (or ``versions`` for the core group)."""

    kind: str
    items: list[_Group] = []
    groups: list[_OldGroup] = []
    versions: list[str] = []


class _OldResource(Struct):
    name: str
    kind: str
    namespaced: bool


class _OldResources(Struct):
    resources: list[_OldResource] = []


class Discovery:
    """Asks once and remembers; ``forget`` makes it ask again."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._served: tuple[Served, ...] | None = None
        self._stale: frozenset[str] = frozenset()
        self._lock = asyncio.Lock()

    def forget(self) -> None:
        """Drop what is known, after something was installed or removed."""
        self._served = None

    async def all(self) -> tuple[Served, ...]:
        """Every resource, by preferred version, sorted."""
        async with self._lock:
            if self._served is None:
                self._served = tuple(sorted(await self._ask()))
            return self._served

    async def find(self, group: str, kind: str) -> Served:
        """The resource of a kind (or of a plural name). Raises NotServed; Failed when the group does not answer."""
        for served in await self.all():
            if served.group == group and kind in (served.kind, served.resource):
                return served
        full = f"{kind}.{group}" if group else kind
        if group in self._stale:
            raise Failed(
                f"whether {full} is installed cannot be known: the API group {group} does not answer",
                code="stale-group",
                object=full,
                hint=f"look for APIServices that are not Available: kubectl get apiservices | grep {group}",
            )
        raise NotServed(f"the API server does not serve {full}", object=full)

    async def _ask(self) -> list[Served]:
        self._stale = frozenset()
        found: list[Served] = []
        for path in ("/api", "/apis"):
            call = Call(path=path, accept=_AGGREGATED, verb="discover", resource=path)
            groups = _decode(call, (await self._transport.ask(call)).body, _Groups)
            if groups.kind == "APIGroupDiscoveryList":
                found.extend(self._aggregated(groups.items))
            else:
                found.extend(await self._one_by_one(path, groups))
        return found

    def _aggregated(self, groups: list[_Group]) -> list[Served]:
        found: dict[tuple[str, str], Served] = {}
        for group in groups:
            name = group.metadata.name
            for version in group.versions:
                if version.freshness == "Stale":
                    self._stale |= {name}
                for item in version.resources:
                    kind = item.response_kind.kind if item.response_kind else ""
                    served = Served(name, version.version, item.resource, kind, item.scope == "Namespaced")
                    found.setdefault((name, item.resource), served)
        return list(found.values())

    async def _one_by_one(self, path: str, groups: _Groups) -> list[Served]:
        found: dict[tuple[str, str], Served] = {}
        pairs = [("", version, f"/api/{version}") for version in groups.versions]
        for group in groups.groups:
            pairs.extend((group.name, item.version, f"{path}/{item.group_version}") for item in group.versions)
        for name, version, where in pairs:
            call = Call(path=where, verb="discover", resource=where)
            answer = await self._transport.send(call)
            if answer.code >= 400:
                self._stale |= {name}
                continue
            for item in _decode(call, answer.body, _OldResources).resources:
                if "/" not in item.name:
                    served = Served(name, version, item.name, item.kind, item.namespaced)
                    found.setdefault((name, item.name), served)
        return list(found.values())


def _decode(call: Call, body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unexpected(call, "no API discovery document") from error
