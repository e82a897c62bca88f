"""Surveying a live cluster that allows only some of what is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from shipkeeper.app.sources import source_of
from shipkeeper.app.survey_live import survey_live
from shipkeeper.integrations.kubernetes.platform import Refused
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.errors import Failed, Forbidden, ShipkeeperError, Unauthenticated, Unreachable, UsageProblem
from shipkeeper.model.facts import DeprecatedRequest, ImageUse
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.releases import Release
from shipkeeper.model.table import PodTable
from shipkeeper.semantics.wire import READERS
from shipkeeper.semantics.wire.unknowns import UNKNOWN_WITHOUT
from tests.builders import NOW, budget, daemonset, deployment, node

NOT_SERVED = Failed("the API server does not serve it", code="not-served")


class FakeSource:
    """A cluster with some objects, which refuses what it is told to refuse."""

    context = "test-cluster"

    def __init__(
        self, refuse: Mapping[str, ShipkeeperError] | None = None, probes: Mapping[str, int] | None = None
    ) -> None:
        self.refuse = refuse or {}
        self.probes = probes or {}
        self.at_once = self.most_at_once = 0
        web, agent = deployment(on=("n1", "n2")), daemonset("kured", on=("n1", "n2"))
        self.all_pods = [*web.pods, *agent.pods]
        self.all_releases: tuple[Release, ...] = ()
        self.platform_objects: dict[str, tuple[Any, ...]] = {}
        self.refused: tuple[Refused, ...] = ()
        self.objects: dict[str, tuple[Any, ...]] = {
            "nodes": (node("n2"), node("n1")),
            "deployments": web.workloads[:1],
            "replicasets": web.workloads[1:],
            "daemonsets": agent.workloads,
            "poddisruptionbudgets": (budget("b", min_available=1), budget("a", min_available=1)),
        }

    @property
    def platform(self) -> FakeSource:
        return self

    async def _answer(self, what: str) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if what in self.refuse:
            raise self.refuse[what]

    async def identity(self) -> ClusterIdentity:
        await self._answer("identity")
        return ClusterIdentity("uid-1", "ca", "v1.34.4", "test")

    async def list_resource(self, resource: str) -> tuple[Any, ...]:
        await self._answer(resource)
        return self.objects.get(resource, ())

    async def pods(self) -> tuple[PodTable, tuple[ImageUse, ...]]:
        await self._answer("pods")
        return PodTable.of(self.all_pods), (ImageUse("registry.example/web:1", ("sha256:1",), 2, ("default",)),)

    async def list_kind(self, full_name: str) -> tuple[tuple[Any, ...], tuple[Refused, ...]]:
        await self._answer(full_name)
        if full_name not in self.platform_objects:
            raise NOT_SERVED
        return self.platform_objects[full_name], self.refused

    async def releases(self, storage: str) -> tuple[tuple[Release, ...], tuple[Refused, ...]]:
        await self._answer(f"{storage}s")
        return (self.all_releases if storage == "secret" else ()), ()

    async def deprecated_requests(self) -> tuple[DeprecatedRequest, ...]:
        await self._answer("/metrics")
        return (DeprecatedRequest("policy", "v1beta1", "podsecuritypolicies", "1.25"),)

    async def probe(self, group: str, kind: str) -> int:
        await self._answer(f"{kind}.{group}")
        if kind not in self.probes:
            raise NOT_SERVED
        return self.probes[kind]


def take(source: FakeSource) -> Inventory:
    return asyncio.run(survey_live(source, NOW))


def test_everything_is_read_and_sorted() -> None:
    source = FakeSource(probes={"machineconfigpools": 2, "nodepools": 0})
    found = take(source)
    assert found.missing == ()
    assert (found.source, found.taken_ms, found.identity.uid) == ("test-cluster", NOW, "uid-1")
    assert [item.name for item in found.nodes] == ["n1", "n2"]
    assert [item.name for item in found.budgets] == ["a", "b"]
    assert [item.name for item in found.workloads] == ["web", "web-5d8f", "kured"]
    assert len(found.pods) == 4
    assert found.drainers == ("MachineConfigPool", "kured"), "an installed kind without objects drains nothing"
    assert source.most_at_once <= 4, "a survey must not crowd the API server"


@pytest.mark.parametrize("resource", sorted(READERS))
def test_what_is_forbidden_is_missing_never_absent(resource: str) -> None:
    found = take(FakeSource({resource: Forbidden("no")}))
    [item] = found.missing
    assert (item.what, item.unknown) == (resource, UNKNOWN_WITHOUT[resource])
    assert item.why == "not allowed: no"
    assert found.is_missing(resource)


def test_everything_forbidden_still_gives_an_inventory_that_says_so() -> None:
    class Closed(FakeSource):
        async def _answer(self, what: str) -> None:
            raise Forbidden(f"{what} is forbidden")

    found = take(Closed())
    assert not any(found.counts().values())
    assert {item.what for item in found.missing} >= {*READERS, "clusterIdentity", "machines.cluster.x-k8s.io"}


def test_a_resource_that_is_not_served_is_missing() -> None:
    assert take(FakeSource({"poddisruptionbudgets": NOT_SERVED})).is_missing("poddisruptionbudgets")


def test_a_drainer_that_cannot_be_looked_for_is_unknown() -> None:
    found = take(FakeSource({"machines.cluster.x-k8s.io": Forbidden("no")}))
    [item] = found.missing
    assert item.unknown == "whether other software maintains nodes here"


@pytest.mark.parametrize("error", [Unreachable("gone"), Unauthenticated("who?")])
def test_a_cluster_that_cannot_be_reached_is_an_error(error: Unreachable) -> None:
    with pytest.raises(Unreachable):
        take(FakeSource({"services": error}))


def test_a_source_is_a_file_or_a_cluster_and_never_both() -> None:
    assert source_of("x.inv", None).path == "x.inv"
    assert source_of(None, "prod").live
    assert source_of(None, None, "/some/kubeconfig").live
    for options in ((None, None, None), ("x", "prod", None), ("x", None, "/k")):
        with pytest.raises(UsageProblem):
            source_of(*options)
