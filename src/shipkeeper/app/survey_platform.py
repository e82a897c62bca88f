"""The live half of the platform's survey: each kind asked for once, each refusal a gap with its consequence."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from shipkeeper.app.survey_asking import Asking, where_served
from shipkeeper.model.facts import DeprecatedRequest
from shipkeeper.model.inventory import Missing
from shipkeeper.model.releases import Release
from shipkeeper.semantics.wire import PLATFORM
from shipkeeper.semantics.wire.platform.kinds import UNKNOWN_OF

_MOST_TOLD = 20


class Refusal(Protocol):
    """An object that was there and could not be read (``integrations.kubernetes.platform.Refused``)."""

    @property
    def name(self) -> str:
        """Its namespace and name."""

    @property
    def why(self) -> str:
        """What is wrong with it."""


class LivePlatform(Protocol):
    """What a survey asks of a live cluster about the platform (``integrations.kubernetes.platform.PlatformSource``)."""

    async def list_kind(self, full_name: str) -> tuple[tuple[Any, ...], tuple[Refusal, ...]]:
        """Every object of a kind; Failed with code not-served when it is not installed."""

    async def releases(self, storage: Any) -> tuple[tuple[Release, ...], tuple[Refusal, ...]]:
        """Every Helm release recorded in Secrets (``secret``) or ConfigMaps (``configmap``)."""

    async def deprecated_requests(self) -> tuple[DeprecatedRequest, ...]:
        """Deprecated APIs that somebody asked for."""


class PlatformReading(Asking):
    """What runs on top of Kubernetes."""

    def __init__(self, source: LivePlatform) -> None:
        super().__init__()
        self._source = source

    async def read(self) -> dict[str, Any]:
        """Field of Inventory → what is in it, sorted."""
        fields, secrets, configmaps, deprecated = await asyncio.gather(
            self.some(*PLATFORM),
            self._releases("secret"),
            self._releases("configmap"),
            self._deprecated(),
        )
        return {**fields, "releases": (*secrets, *configmaps), "deprecated_requests": deprecated}

    async def some(self, *fields: str) -> dict[str, tuple[Any, ...]]:
        """These fields alone, each sorted."""
        kinds = [(field, reader.full_name) for field in fields for reader in PLATFORM[field]]
        lists = await asyncio.gather(*(self._kind(field, name) for field, name in kinds))
        found: dict[str, list[Any]] = {field: [] for field in fields}
        for (field, _), items in zip(kinds, lists, strict=True):
            found[field].extend(items)
        return {field: tuple(sorted(items, key=place)) for field, items in found.items()}

    def skip(self) -> dict[str, Any]:
        """Ask for nothing, and say so."""
        self.missing.extend(not_asked("it was not asked for"))
        return {}

    async def _kind(self, field: str, name: str) -> tuple[Any, ...]:
        async def ask() -> tuple[Any, ...]:
            items, refused = await where_served(self._source.list_kind(name), ((), ()))
            self._refused(name, refused, field)
            return items

        return await self.ask(name, ask, (), UNKNOWN_OF[field], field)

    async def _releases(self, storage: str) -> tuple[Release, ...]:
        async def ask() -> tuple[Release, ...]:
            found, refused = await self._source.releases(storage)
            self._refused("releases", refused, "releases")
            return found

        return await self.ask(f"{storage}s", ask, (), UNKNOWN_OF["releases"], "releases")

    async def _deprecated(self) -> tuple[DeprecatedRequest, ...]:
        field = "deprecated_requests"
        return await self.ask("/metrics", self._source.deprecated_requests, (), UNKNOWN_OF[field], field)

    def _refused(self, kind: str, refused: tuple[Refusal, ...], field: str) -> None:
        """Objects that were there and not readable: named, up to a few."""
        self.missing.extend(
            Missing(f"{kind} {item.name}".strip(), item.why, UNKNOWN_OF[field], field) for item in refused[:_MOST_TOLD]
        )
        if len(refused) > _MOST_TOLD:
            more = f"{len(refused) - _MOST_TOLD} more objects cannot be read either"
            self.missing.append(Missing(kind, more, UNKNOWN_OF[field], field))


def not_asked(why: str) -> tuple[Missing, ...]:
    """A gap for each field of the platform, for one reason."""
    return tuple(Missing(field, why, unknown, field) for field, unknown in UNKNOWN_OF.items())


def place(item: Any) -> tuple[str, ...]:
    """How objects of one field are ordered."""
    return tuple(str(getattr(item, name, "")) for name in ("namespace", "configuration", "name", "kind", "tool", "uid"))
