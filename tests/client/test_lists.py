"""Lists in pages, and telling 'not installed' from 'not allowed'."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shipkeeper.integrations.kubernetes.discovery import NotServed
from shipkeeper.model.cluster import Webhook
from shipkeeper.model.errors import Failed, Forbidden
from shipkeeper.model.nodes import Node
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.storage import VolumeAttachment
from tests.client.helpers import listed, node, pod, rig, run
from tests.client.server import Handler, Reply, Request, failure, script

FORBIDDEN = failure(403, "Forbidden", "is forbidden")
EXPIRED = failure(410, "Expired", "The provided continue parameter is too old")
NAMES = [f"n{i}" for i in range(7)]


def paged(names: list[str], size: int, *, expire_at: int = -1) -> Handler:
    """A server that pages; it lets the continue token of request number ``expire_at`` expire."""
    asked = 0

    def answer(request: Request) -> Reply:
        nonlocal asked
        asked += 1
        start = int(request.query.get("continue") or 0)
        if asked == expire_at:
            return EXPIRED
        limit = size if "limit" in request.query else len(names)
        more = start + limit < len(names)
        items = [node(name) for name in names[start : start + limit]]
        return Reply(200, listed(*items, token=str(start + limit) if more else ""))

    return answer


def test_a_list_comes_in_pages_and_is_sorted() -> None:
    async def main() -> None:
        async with rig(paged(NAMES[::-1], 3)) as found:
            nodes = await found.link.cluster.list(Node)
            assert [item.name for item in nodes] == NAMES
            assert [r.query.get("continue") for r in found.api.requests] == [None, "3", "6"]
            assert {r.query["limit"] for r in found.api.requests} == {"500"}

    run(main)


def test_a_kind_that_two_resources_hold_is_listed_from_both() -> None:
    def answer(request: Request) -> Reply:
        kind = request.path.rsplit("/", 1)[-1]
        hooks = [{"name": f"{kind[:4]}.example", "clientConfig": {"service": {"namespace": "s", "name": "w"}}}]
        return Reply(200, listed({"metadata": {"name": "policy"}, "webhooks": hooks}))

    async def main() -> None:
        async with rig(answer) as found:
            hooks = await found.link.cluster.list(Webhook)
            assert sorted((hook.name, hook.kind) for hook in hooks) == [
                ("muta.example", "MutatingWebhookConfiguration"),
                ("vali.example", "ValidatingWebhookConfiguration"),
            ]

    run(main)


@pytest.mark.parametrize("at", [2, 3])
def test_an_expired_token_starts_the_list_anew_and_repeats_nothing(at: int) -> None:
    async def main() -> None:
        async with rig(paged(NAMES, 3, expire_at=at)) as found:
            nodes = await found.link.cluster.list(Node)
            assert [item.name for item in nodes] == NAMES, "an object read twice would be counted twice"

    run(main)


def test_a_token_that_expires_again_and_again_ends_in_one_whole_list() -> None:
    inner = paged(NAMES, 3)

    def answer(request: Request) -> Reply:
        return EXPIRED if "continue" in request.query else inner(request)

    async def main() -> None:
        async with rig(answer) as found:
            assert len(await found.link.cluster.list(Node)) == 7
            assert "limit" not in found.api.requests[-1].query

    run(main)


def test_pods_become_a_table_page_by_page_and_a_restart_counts_nobody_twice() -> None:
    asked = 0

    def answer(request: Request) -> Reply:
        nonlocal asked
        asked += 1
        if asked == 2:
            return EXPIRED
        if request.query.get("continue"):
            return Reply(200, listed(pod("b"), pod("c", nodeName="n1")))
        return Reply(200, listed(pod("a"), token="t"))

    async def main() -> None:
        async with rig(answer) as found:
            table, _ = await found.link.source.pods()
            assert [item.name for item in table] == ["a", "b", "c"]
            assert table[2].node == "n1"

    run(main)


def test_attachments_are_narrowed_to_a_node_here_because_the_api_cannot() -> None:
    def attachment(name: str, on: str) -> dict[str, Any]:
        return {"metadata": {"name": name}, "spec": {"nodeName": on, "attacher": "x", "source": {}}, "status": {}}

    async def main() -> None:
        async with rig(script(Reply(200, listed(attachment("a", "n1"), attachment("b", "n2"))))) as found:
            got = await found.link.cluster.list(VolumeAttachment, node="n2")
            assert [item.name for item in got] == ["b"]
            assert "fieldSelector" not in found.api.requests[0].query

    run(main)


def test_workloads_come_back_in_the_order_asked_for() -> None:
    def answer(request: Request) -> Reply:
        name = request.path.rsplit("/", 1)[1]
        if name == "gone":
            return failure(404, "NotFound", "not found")
        return Reply(200, {"metadata": {"name": name, "namespace": "shop"}, "spec": {"replicas": 2}, "status": {}})

    async def main() -> None:
        async with rig(answer) as found:
            refs = [ObjectRef("Deployment", "shop", name) for name in ("b", "gone", "a")]
            got = await found.link.cluster.workloads(refs)
            assert [item.name if item else None for item in got] == ["b", None, "a"]
            with pytest.raises(Failed) as error:
                await found.link.cluster.workloads([ObjectRef("Rollout", "shop", "x")])
            assert error.value.code == "unknown-kind", "None would say that it is gone"

    run(main)


def test_room_counts_what_pods_on_nodes_ask_for() -> None:
    nodes = [node("n1"), node("n2")]
    for item in nodes:
        item["status"] = {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"}}
    asking = pod("a", nodeName="n1")
    asking["spec"]["containers"] = [{"name": "c", "resources": {"requests": {"cpu": "1500m"}}}]
    asking["status"] = {"phase": "Running"}

    async def main() -> None:
        async with rig(lambda r: Reply(200, listed(*(nodes if r.path.endswith("nodes") else [asking])))) as found:
            room = await found.link.cluster.room()
            column = room.resources.index("cpu")
            assert [int(room.free[i, column]) for i in range(2)] == [2_500, 4_000]
            assert [int(room.free[i, room.resources.index("pods")]) for i in range(2)] == [9, 10]

    run(main)


def discovery(*kinds: tuple[str, str, str], stale: str = "") -> dict[str, Any]:
    """An aggregated discovery document of (group, kind, resource)."""
    items = []
    for group, kind, resource in kinds:
        found = {"resource": resource, "responseKind": {"kind": kind}, "scope": "Namespaced", "verbs": ["list"]}
        items.append({"metadata": {"name": group}, "versions": [{"version": "v1", "resources": [found]}]})
    if stale:
        items.append({"metadata": {"name": stale}, "versions": [{"version": "v1", "freshness": "Stale"}]})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items}


def api_with(others: Handler, *kinds: tuple[str, str, str], stale: str = "") -> Handler:
    def answer(request: Request) -> Reply:
        if request.path == "/api":
            return Reply(200, discovery(("", "Pod", "pods")))
        if request.path == "/apis":
            return Reply(200, discovery(*kinds, stale=stale))
        found = others(request)
        assert isinstance(found, Reply)
        return found

    return answer


def test_403_to_what_is_not_installed_is_not_served() -> None:
    async def main() -> None:
        async with rig(api_with(script(FORBIDDEN))) as found:
            with pytest.raises(NotServed) as error:
                await found.link.source.list_resource("horizontalpodautoscalers")
            assert error.value.code == "not-served"

    run(main)


def test_403_to_what_is_installed_is_forbidden() -> None:
    kinds = ("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers")

    async def main() -> None:
        async with rig(api_with(script(FORBIDDEN), kinds)) as found:
            with pytest.raises(Forbidden, match="list horizontalpodautoscalers"):
                await found.link.source.list_resource("horizontalpodautoscalers")

    run(main)


def test_404_to_a_list_is_not_served() -> None:
    async def main() -> None:
        async with rig(script(Reply(404, b"404 page not found"))) as found:
            with pytest.raises(NotServed):
                await found.link.source.list_resource("pods")
            with pytest.raises(NotServed):
                await found.link.source.pods()

    run(main)


def test_a_probe_counts_and_reads_nothing_else() -> None:
    kured = ("kured.dev", "Lock", "locks")

    async def main() -> None:
        async with rig(api_with(script(Reply(200, listed(node("x"), token="t", remaining=4))), kured)) as found:
            assert await found.link.source.probe("kured.dev", "Lock") == 5
            assert await found.link.source.probe("kured.dev", "locks") == 5, "by plural name as well"
            sent = found.api.asked("/apis/kured.dev/v1/locks")[0]
            assert "PartialObjectMetadataList" in sent.headers["accept"], "a custom resource may hold secrets"
            assert sent.query["limit"] == "1"
            with pytest.raises(NotServed):
                await found.link.source.probe("karpenter.sh", "NodePool")
            assert len(found.api.asked("/apis")) == 1, "discovery is asked once"

    run(main)


def test_a_group_that_does_not_answer_is_unknown_and_not_absent() -> None:
    async def main() -> None:
        async with rig(api_with(script(FORBIDDEN), stale="metrics.k8s.io")) as found:
            with pytest.raises(Failed) as error:
                await found.link.source.probe("metrics.k8s.io", "NodeMetrics")
            assert error.value.code == "stale-group", "unknown must not pass for 'not installed'"

    run(main)


def test_discovery_of_older_servers_is_understood() -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/api":
            return Reply(200, {"kind": "APIVersions", "versions": ["v1"]})
        if request.path == "/apis":
            version = {"groupVersion": "policy/v1", "version": "v1"}
            return Reply(200, {"kind": "APIGroupList", "groups": [{"name": "policy", "versions": [version]}]})
        if request.path == "/api/v1":
            return Reply(200, {"resources": [{"name": "pods", "kind": "Pod", "namespaced": True}]})
        if request.path == "/apis/policy/v1":
            kind = {"kind": "PodDisruptionBudget", "namespaced": True}
            both = [kind | {"name": "poddisruptionbudgets"}, kind | {"name": "poddisruptionbudgets/status"}]
            return Reply(200, {"resources": both})
        return Reply(200, listed(pod("a"), pod("b")))

    async def main() -> None:
        async with rig(answer) as found:
            assert await found.link.source.probe("policy", "PodDisruptionBudget") == 2
            assert await found.link.source.probe("", "Pod") == 2

    run(main)


def test_many_reads_at_once_share_one_discovery() -> None:
    async def main() -> None:
        async with rig(api_with(script(FORBIDDEN))) as found:
            probes = (found.link.source.probe(f"g{i}.example", "X") for i in range(8))
            got = await asyncio.gather(*probes, return_exceptions=True)
            assert all(isinstance(item, NotServed) for item in got)
            assert len(found.api.asked("/apis")) == 1

    run(main)
