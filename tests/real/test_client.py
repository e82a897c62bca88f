"""The Kubernetes client against a real API server: every write with its precondition, every refusal by its name."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.integrations.kubernetes.connect import Connection, connect
from shipkeeper.integrations.kubernetes.discovery import NotServed
from shipkeeper.integrations.kubernetes.objects import Target, target
from shipkeeper.model.cluster import Lease
from shipkeeper.model.errors import Conflict, Forbidden, Unauthenticated
from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod
from shipkeeper.model.workloads import Budget
from shipkeeper.ports.cluster import Eviction, EvictionAnswer, NodePatch, Watch
from shipkeeper.semantics.wire import READERS
from tests.real.conftest import RUNNER
from tests.real.plane import waits
from tests.real.plane.api import Api, Object
from tests.real.plane.cluster import add_nodes
from tests.real.plane.manifests import Times, Workload
from tests.real.plane.plane import Plane

pytestmark = pytest.mark.real

SPACE = "client"
FAST = Times(ready_ms=100, termination_ms=300, grace_s=5)


@pytest.fixture(scope="module")
def nodes(api: Api) -> list[str]:
    return add_nodes(api, 3)


@pytest.fixture
def space(api: Api, nodes: list[str]) -> Iterator[str]:
    """A namespace that is empty again afterwards."""
    labels = {"shipkeeper.test/scenario": "yes"}
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE, "labels": labels}}, exist_ok=True)
    yield SPACE
    for kind in ("Deployment", "PodDisruptionBudget", "ConfigMap", "Lease", "Pod"):
        api.delete_all(kind, SPACE, 0)
    waits.until(lambda: "pods left" if api.list("Pod", SPACE) else None, 30, "namespace empty")


def run(kubeconfig: Path, work: Callable[[Connection], Awaitable[None]], **settings: Any) -> None:
    """Do the work with a connection of the product's own."""

    async def main() -> None:
        async with asyncio.timeout(60), connect(environ=os.environ, kubeconfig=str(kubeconfig), **settings) as link:
            await work(link)

    asyncio.run(main())


def deploy(api: Api, name: str, replicas: int, budget: Object | None) -> None:
    made = Workload("Deployment", SPACE, name, replicas, FAST, budget)
    found = made.budget_manifest()
    if found:
        api.create(found)
    api.create(made.manifest())
    waits.workloads_ready(api)
    waits.budgets_settled(api)


@contextlib.contextmanager
def no_room(api: Api, nodes: list[str]) -> Iterator[None]:
    """No pod finds a node: what is evicted stays missing, however long the next request takes."""
    for name in nodes:
        api.patch("Node", name, {"spec": {"unschedulable": True}})
    try:
        yield
    finally:
        for name in nodes:
            api.patch("Node", name, {"spec": {"unschedulable": False}})


async def evict(link: Connection, *pods: Pod, **changes: Any) -> tuple[EvictionAnswer, ...]:
    asked = [replace(Eviction(pod.namespace, pod.name, pod.uid), **changes) for pod in pods]
    return await link.cluster.evict_many(asked)


def test_identity_and_whoami_are_the_api_servers_word(plane: Plane, api: Api) -> None:
    async def work(link: Connection) -> None:
        identity = await link.cluster.identity()
        assert identity.uid == api.get("Namespace", "kube-system")["metadata"]["uid"]
        assert identity.server_version == plane.server_version
        assert len(identity.ca_digest) == 64
        assert await link.cluster.whoami() == "kubernetes-admin"
        skew_ms = await link.cluster.server_time_ms() - time.time_ns() // 1_000_000
        assert -2_000 <= skew_ms <= 100, f"the Date header is {skew_ms} ms off on one machine"
        facts = await link.credential_facts()
        assert facts.kind == "certificate"
        assert facts.expires_ms is not None

    run(plane.kubeconfig, work)


def test_lists_and_room_are_what_is_there(plane: Plane, api: Api, nodes: list[str], space: str) -> None:
    deploy(api, "web", 4, None)

    async def work(link: Connection) -> None:
        assert [node.name for node in await link.cluster.list(Node)] == sorted(nodes)
        pods = await link.cluster.list(Pod)
        oracle = api.list("Pod")
        assert {pod.uid for pod in pods} == {item["metadata"]["uid"] for item in oracle}
        here = await link.cluster.list(Pod, node=pods[0].node)
        assert {pod.node for pod in here} == {pods[0].node}
        table, _ = await link.source.pods()
        assert sorted(table.uids) == sorted(pod.uid for pod in pods)
        room = await link.cluster.room()
        column = room.resources.index("pods")
        taken = {node.name: node.allocatable["pods"] - int(room.free[i, column]) for i, node in enumerate(room.nodes)}
        assert sum(taken.values()) == len(pods)
        web = next(item for item in await link.cluster.all_workloads() if item.name == "web")
        assert (web.kind, web.desired, web.ready) == ("Deployment", 4, 4)
        assert await link.cluster.workloads([web.ref]) == (web,)

    run(plane.kubeconfig, work)


async def until(watch: Watch[Any], kind: str, name: str) -> Any:
    """The next delivery of that type for that object."""
    while True:
        change = await watch.receive()
        if change.type == kind and (change.object is None or change.object.name == name):
            return change.object


def test_a_watch_tells_what_happens(plane: Plane, api: Api, nodes: list[str], space: str) -> None:
    async def work(link: Connection) -> None:
        watch = link.cluster.watch(Pod, namespace=SPACE)
        await until(watch, "synced", "")
        await asyncio.to_thread(deploy, api, "web", 1, {"minAvailable": 1})
        (pod,) = await link.cluster.list(Pod, namespace=SPACE)
        await until(watch, "added", pod.name)
        while not (await until(watch, "modified", pod.name)).ready:
            pass
        await asyncio.to_thread(api.delete, "Pod", pod.name, SPACE)
        gone = await until(watch, "deleted", pod.name)
        assert gone.uid == pod.uid
        budgets = link.cluster.watch(Budget, namespace=SPACE)
        assert (await budgets.receive()).type == "present"

    run(plane.kubeconfig, work)


class Wire:
    """A TCP forwarder on loopback whose connections the test cuts."""

    def __init__(self, port: int) -> None:
        self.far = port
        self.port = 0
        self.opened = 0
        self._ends: set[asyncio.StreamWriter] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Wire]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()
            await asyncio.sleep(0.1)

    def cut(self) -> None:
        """End every connection without a goodbye."""
        for end in list(self._ends):
            end.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.far)
        ends = {writer, far_writer}
        self._ends |= ends
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        self._ends -= ends

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()


def test_a_watch_whose_connection_is_cut_misses_nothing(
    plane: Plane, api: Api, nodes: list[str], space: str, tmp_path: Path
) -> None:
    config = json.loads(plane.kubeconfig.read_text())
    server = config["clusters"][0]["cluster"]["server"]

    async def main() -> None:
        async with Wire(int(server.rpartition(":")[2])).running() as wire:
            config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{wire.port}"
            path = tmp_path / "wired.kubeconfig"
            path.write_text(json.dumps(config))
            async with asyncio.timeout(60), connect(environ={}, kubeconfig=str(path)) as link:
                watch = link.cluster.watch(Node, node=nodes[0])
                await until(watch, "synced", "")
                for round_ in ("one", "two", "three"):
                    wire.cut()
                    mark = {"metadata": {"annotations": {"maintenance.shipkeeper.dev/round": round_}}}
                    await asyncio.to_thread(api.patch, "Node", nodes[0], mark)
                    while (await until(watch, "modified", nodes[0])).annotations.get(
                        "maintenance.shipkeeper.dev/round"
                    ) != round_:
                        pass
                assert wire.opened > 3, "the connections were not cut, so nothing was shown"

    asyncio.run(main())


def test_evictions_are_answered_as_documented(plane: Plane, api: Api, nodes: list[str], space: str) -> None:
    deploy(api, "spent", 2, {"minAvailable": 2})
    deploy(api, "two", 1, {"maxUnavailable": 1})
    second = Workload("Deployment", SPACE, "two", 1, FAST, {"maxUnavailable": 1}).budget_manifest()
    assert second is not None
    second["metadata"]["name"] = "two-again"
    api.create(second)
    deploy(api, "free", 3, {"maxUnavailable": 1})
    deploy(api, "stale", 3, {"maxUnavailable": 1})

    async def work(link: Connection) -> None:
        pods = await link.cluster.list(Pod, namespace=SPACE)
        of = {
            name: [pod for pod in pods if pod.shape.labels["app"] == name] for name in ("spent", "two", "free", "stale")
        }
        (spent,) = await evict(link, of["spent"][0])
        assert (spent.outcome, spent.code, spent.retry_after_ms, spent.budget) == ("spent", 429, 0, "spent")
        (hopeless,) = await evict(link, of["two"][0])
        assert (hopeless.outcome, hopeless.code) == ("hopeless", 500)
        (conflict,) = await evict(link, of["stale"][0], uid="00000000-0000-0000-0000-000000000000")
        assert (conflict.outcome, conflict.code) == ("conflict", 409), "another pod of that name could go"
        budget = await link.cluster.get(Budget, "stale", SPACE)
        # The API server books the disruption before it compares UIDs, and gives it back only after two minutes.
        assert [pod for pod, _ in budget.disrupted] == [of["stale"][0].name]
        assert [answer.outcome for answer in await evict(link, of["stale"][1])] == ["spent"]
        (gone,) = await evict(link, of["free"][0], name="free-nobody")
        assert (gone.outcome, gone.code) == ("gone", 404)
        answers = await evict(link, *of["free"])
        assert sorted(answer.outcome for answer in answers) == ["accepted", "spent", "spent"], "the budget allows one"
        left = {pod.uid for pod in await link.cluster.list(Pod, namespace=SPACE) if not pod.terminating}
        kept = {a.eviction.uid for a in answers if a.outcome == "spent"} | {
            pod.uid for pod in of["spent"] + of["two"] + of["stale"]
        }
        assert kept <= left, "a pod whose eviction was refused is gone"

    with no_room(api, nodes):
        run(plane.kubeconfig, work)


def test_an_eviction_in_a_namespace_that_goes_says_so(plane: Plane, api: Api, nodes: list[str]) -> None:
    name = f"client-leaving-{time.time_ns() // 1_000_000}"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    pod = Workload("Deployment", name, "p", 1, FAST).manifest()["spec"]["template"]
    meta = {"name": "p", "namespace": name, "finalizers": ["shipkeeper.test/hold"]}
    api.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod["spec"]})
    try:
        api.delete("Namespace", name)

        async def work(link: Connection) -> None:
            found = await link.cluster.get(Pod, "p", name)
            assert found is not None
            (answer,) = await evict(link, found)
            assert answer.outcome == "namespace-terminating", answer

        run(plane.kubeconfig, work)
    finally:
        api.patch("Pod", "p", {"metadata": {"finalizers": None}}, name)


def test_a_node_is_changed_only_as_it_was_seen(plane: Plane, api: Api, nodes: list[str]) -> None:
    async def work(link: Connection) -> None:
        seen = await link.cluster.get(Node, nodes[1])
        assert seen is not None
        mark = {"maintenance.shipkeeper.dev/run": "run-1"}
        done = await link.cluster.patch_node(nodes[1], NodePatch(seen.uid, seen.resource_version, True, mark))
        assert done.unschedulable
        assert done.annotations["maintenance.shipkeeper.dev/run"] == "run-1"
        managers = {row["manager"] for row in api.get("Node", nodes[1])["metadata"]["managedFields"]}
        assert "shipkeeper" in managers, "the audit trail must name us"
        for stale in (
            NodePatch(seen.uid, seen.resource_version, unschedulable=False),
            NodePatch("00000000-0000-0000-0000-000000000000", unschedulable=False),
        ):
            with pytest.raises(Conflict):
                await link.cluster.patch_node(nodes[1], stale)
        with pytest.raises(Conflict):
            await link.cluster.patch_node("nobody", NodePatch(seen.uid))
        assert api.get("Node", nodes[1])["spec"]["unschedulable"], "a refused patch changed the node"
        back = await link.cluster.patch_node(
            nodes[1], NodePatch(seen.uid, "", False, {"maintenance.shipkeeper.dev/run": None})
        )
        assert (back.unschedulable, "maintenance.shipkeeper.dev/run" in back.annotations) == (False, False)

    run(plane.kubeconfig, work)


def test_a_lease_has_one_holder(plane: Plane, api: Api, space: str) -> None:
    now_ms = time.time_ns() // 1_000_000
    mine = Lease(SPACE, "runner", "run-1", 15_000, now_ms, now_ms, 1, {"maintenance.shipkeeper.dev/head": "abc"})

    async def work(link: Connection) -> None:
        held = await link.cluster.put_lease(mine)
        assert replace(held, uid="", resource_version="") == mine, "what was written is not what is read"
        with pytest.raises(Conflict):
            await link.cluster.put_lease(replace(mine, holder="run-2"))
        both = (link.cluster.put_lease(replace(held, renewed_ms=now_ms + i)) for i in (1, 2))
        raced = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(type(item).__name__ for item in raced) == ["Conflict", "Lease"], "two runs would both hold it"
        assert (await link.cluster.get(Lease, "runner", SPACE)).holder == "run-1"

    run(plane.kubeconfig, work)


def test_server_side_apply_owns_its_fields(plane: Plane, api: Api, space: str) -> None:
    where = Target(f"/api/v1/namespaces/{SPACE}/configmaps/settings", "configmaps", SPACE, "settings")

    def settings(value: str) -> Object:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"k": value}}

    async def work(link: Connection) -> None:
        made = json.loads(await link.objects.patch(where, "apply", settings("1")))
        (row,) = made["metadata"]["managedFields"]
        assert (row["manager"], row["operation"]) == ("shipkeeper", "Apply")
        await asyncio.to_thread(api.patch, "ConfigMap", "settings", {"data": {"k": "theirs"}}, SPACE)
        with pytest.raises(Conflict) as error:
            await link.objects.patch(where, "apply", settings("2"))
        assert "conflict" in error.value.why
        await link.objects.patch(where, "apply", settings("2"), force=True, dry_run=True)
        assert api.get("ConfigMap", "settings", SPACE)["data"]["k"] == "theirs", "a dry run changed something"
        await link.objects.patch(where, "apply", settings("2"), force=True)
        uid = made["metadata"]["uid"]
        with pytest.raises(Conflict):
            await link.objects.delete(where, uid="00000000-0000-0000-0000-000000000000")
        assert await link.objects.delete(where, uid=uid)
        assert not await link.objects.delete(where, uid=uid)

    run(plane.kubeconfig, work)


def test_a_user_without_rights_is_known_and_refused_by_name(plane: Plane, api: Api, runner: Path) -> None:
    async def work(link: Connection) -> None:
        assert await link.cluster.whoami() == RUNNER
        with pytest.raises(Forbidden, match="list nodes"):
            await link.cluster.list(Node)
        with pytest.raises(Forbidden, match="list pods"):
            await link.source.list_resource("pods")
        with pytest.raises(Forbidden, match="list nodes"):
            await link.cluster.watch(Node).receive()
        with pytest.raises(NotServed):
            await link.source.probe("kured.dev", "Lock")
        (answer,) = await link.cluster.evict_many([Eviction("default", "p", "u")])
        assert answer.outcome == "refused", answer
        assert "cannot create resource" in answer.message

    run(runner, work)


def with_plugin(plane: Plane, tmp_path: Path, tokens: list[str]) -> Path:
    """A kubeconfig whose exec plugin prints these tokens, one a run; the last one for ever."""
    script = tmp_path / "login.py"
    (tmp_path / "tokens").write_text(json.dumps(tokens))
    script.write_text(
        "import json, pathlib, sys\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "left = json.loads(path.read_text())\n"
        "path.write_text(json.dumps(left[1:] or left))\n"
        "version = 'client.authentication.k8s.io/v1'\n"
        "print(json.dumps({'apiVersion': version, 'kind': 'ExecCredential', 'status': {'token': left[0]}}))\n"
    )
    config = json.loads(plane.kubeconfig.read_text())
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": [str(script), str(tmp_path / "tokens")],
        "interactiveMode": "Never",
    }
    config["users"] = [{"name": "plugin", "user": {"exec": plugin}}]
    config["contexts"][0]["context"]["user"] = "plugin"
    path = tmp_path / "plugin.kubeconfig"
    path.write_text(json.dumps(config))
    return path


def test_a_plugins_stale_token_is_renewed_and_a_bad_one_refused(plane: Plane, tmp_path: Path) -> None:
    account = plane.service_account("default", "client-test", tmp_path / "account.kubeconfig")
    token = json.loads(account.read_text())["users"][0]["user"]["token"]

    async def good(link: Connection) -> None:
        assert await link.cluster.whoami() == "system:serviceaccount:default:client-test"
        facts = await link.credential_facts()
        assert facts.kind == "exec"
        assert facts.expires_ms is not None, "a service account's token says when it ends"

    async def bad(link: Connection) -> None:
        with pytest.raises(Unauthenticated):
            await link.cluster.whoami()

    run(with_plugin(plane, tmp_path, ["stale", token]), good)
    run(with_plugin(plane, tmp_path, ["stale", "stale"]), bad)


def test_warnings_of_the_server_are_told(plane: Plane, api: Api, nodes: list[str], space: str) -> None:
    told: list[str] = []
    pod = Workload("Deployment", SPACE, "p", 1, FAST).manifest()["spec"]["template"]["spec"]
    pod["nodeSelector"] = {"beta.kubernetes.io/os": "linux"}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "old"}, "spec": pod}

    async def work(link: Connection) -> None:
        for _ in range(2):
            await link.objects.create(target(READERS["pods"], "", SPACE), body, dry_run=True)

    run(plane.kubeconfig, work, on_warning=told.append)
    assert len(told) == 1, "each warning is told once"
    assert "beta.kubernetes.io/os" in told[0]
