"""The twin against a real control plane, case by case: the same cluster, the same question, the same answer.

T1–T20 of the twin's rules name their oracle. Here are those that a control plane can answer within seconds: what a
drain touches (T1, by the kubectl binary), evictions (T2, T5, T11, T15), budget arithmetic (T3), where replacements go
(T8, T10, T18, T20), and quotas. Each expected answer is written down as well, so that both sides being wrong in the
same way shows too.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipkeeper.execution.context import Run
from shipkeeper.execution.gates.admitted import quota_for_pods, webhooks_answer
from shipkeeper.execution.world import RunOptions, World
from shipkeeper.integrations.kubernetes.connect import Connection
from shipkeeper.integrations.system.entropy import SystemEntropy
from shipkeeper.integrations.system.runtime import AsyncioRuntime
from shipkeeper.journal.memory import MemoryJournal
from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.model.pods import Pod
from shipkeeper.model.time import SECOND
from shipkeeper.planning.propose import propose_nodes
from shipkeeper.planning.request import NodesRequest
from shipkeeper.ports.cluster import Eviction, NodePatch
from shipkeeper.ports.gates import GateReading
from shipkeeper.semantics import budgets as budget_rules
from shipkeeper.semantics.drain import sort_pods
from shipkeeper.semantics.ownership import by_uid
from shipkeeper.twin import Twin
from tests.real.conftest import RUNNER
from tests.real.harness import oracle, rights
from tests.real.harness.oracle import SHARED, Stage, app, evict_on_twin
from tests.real.harness.oracle_cases import AIMS, DRAIN, EVICTIONS, POLICIES, Aim, Asked
from tests.real.harness.oracle_places import PLACES, Moved
from tests.real.plane import waits
from tests.real.plane.api import Api, Object, is_ready
from tests.real.plane.manifests import LABEL
from tests.real.plane.plane import Plane

pytestmark = pytest.mark.real

Verdict = dict[str, tuple[int, int]]
"""App → pods that are bound to a node, and pods that are Pending."""

CASES = (*(asked.case for asked in EVICTIONS), *(aim.case for aim in AIMS), *(moved.case for moved in PLACES), DRAIN)

_MEANWHILE_S = 1.2
_SETTLED_S = 6
_AT_MOST_S = 40


@pytest.fixture(scope="module")
def stage(plane: Plane, api: Api) -> Stage:
    return oracle.build(api, plane.kubeconfig, CASES)


# --- T2, T5, T11, T15: evictions -----------------------------------------------------------


@pytest.mark.parametrize("asked", EVICTIONS, ids=lambda asked: asked.case.id)
def test_an_eviction_is_answered_alike(stage: Stage, asked: Asked) -> None:
    pods = stage.pods(asked.case.id)
    wanted = [
        Eviction(pods[n].namespace, pods[n].name, asked.uid(place, pods[n].uid)) for place, n in enumerate(asked.pods)
    ]
    on_twin = [(answer.outcome, answer.code) for answer in evict_on_twin(stage.twin(), wanted)]
    on_plane = [(answer.outcome, answer.code) for answer in stage.evict(wanted)]
    assert on_plane == list(asked.answers), "Kubernetes itself answers otherwise than is known of it"
    assert on_twin == on_plane


# --- T3: budget arithmetic -----------------------------------------------------------------


@pytest.mark.parametrize("aim", AIMS, ids=lambda aim: aim.id)
def test_budgets_are_computed_alike(stage: Stage, aim: Aim) -> None:
    (told,) = [budget for budget in stage.inventory.budgets if budget.namespace == aim.id]
    ours = budget_rules.desired_and_expected(
        told, stage.pods(aim.id), budget_rules.counting_once(by_uid(stage.inventory.workloads))
    )
    assert (told.desired, told.allowed) == (aim.desired, aim.allowed), "not what is known of Kubernetes"
    assert (ours.desired, ours.expected) == (told.desired, told.expected)
    assert budget_rules.allowed(told.healthy, ours) == told.allowed


# --- T8, T10, T18, T20: where replacements go ----------------------------------------------


def _evicted(stage: Stage, moved: Moved) -> Pod:
    return stage.pods(moved.case.id, "web")[0]


@pytest.fixture(scope="module")
def on_plane(stage: Stage) -> dict[str, tuple[Verdict, Verdict]]:
    """Every case's first pod evicted, all at once: how its pods are meanwhile, and in the end."""
    pods = [_evicted(stage, moved) for moved in PLACES]

    async def move(connection: Connection) -> None:
        for moved, pod in zip(PLACES, pods, strict=True):
            if moved.cordon:
                node = await connection.cluster.get(Node, pod.node)
                assert node is not None
                await connection.cluster.patch_node(pod.node, NodePatch(uid=node.uid, unschedulable=True))
        answers = await connection.cluster.evict_many([Eviction(p.namespace, p.name, p.uid) for p in pods])
        assert {answer.outcome for answer in answers} == {"accepted"}

    stage.on_plane(move)
    began = time.monotonic()
    time.sleep(_MEANWHILE_S)
    meanwhile = _verdicts(stage.api)
    time.sleep(_SETTLED_S - _MEANWHILE_S)
    while True:
        end = _verdicts(stage.api)
        if all(end[moved.case.id] == moved.after for moved in PLACES) or time.monotonic() - began > _AT_MOST_S:
            return {case: (meanwhile[case], end[case]) for case in end}
        time.sleep(0.5)


def _verdicts(api: Api) -> dict[str, Verdict]:
    alive = [pod for pod in api.list("Pod") if not pod["metadata"].get("deletionTimestamp")]
    return {
        moved.case.id: _sum(
            (pod["metadata"]["labels"]["app"], bool(pod["spec"].get("nodeName")))
            for pod in alive
            if pod["metadata"]["namespace"] == moved.case.id
        )
        for moved in PLACES
    }


def _sum(pods: Iterator[tuple[str, bool]]) -> Verdict:
    count = Counter(pods)
    return {app: (count[app, True], count[app, False]) for app in sorted({app for app, _ in count})}


@pytest.fixture(scope="module")
def on_twin(stage: Stage) -> dict[str, tuple[Verdict, Verdict]]:
    twin = stage.twin()

    async def move() -> None:
        pods = [_evicted(stage, moved) for moved in PLACES]
        for moved, pod in zip(PLACES, pods, strict=True):
            if moved.cordon:
                node = await twin.api.get(Node, pod.node)
                assert node is not None
                await twin.api.patch_node(pod.node, NodePatch(uid=node.uid, unschedulable=True))
        await twin.api.evict_many([Eviction(p.namespace, p.name, p.uid) for p in pods])

    twin.kernel.run(move())
    twin.kernel.advance(twin.kernel.now_ms() + round(_MEANWHILE_S * SECOND))
    meanwhile = _twin_verdicts(twin)
    twin.kernel.advance(twin.kernel.now_ms() + 30 * SECOND)
    end = _twin_verdicts(twin)
    return {moved.case.id: (meanwhile[moved.case.id], end[moved.case.id]) for moved in PLACES}


def _twin_verdicts(twin: Twin) -> dict[str, Verdict]:
    pods = [pod for pod in twin.kernel.run(twin.api.list(Pod)) if not pod.terminating]
    cases = {moved.case.id for moved in PLACES}
    return {
        case: _sum((pod.shape.labels["app"], bool(pod.node)) for pod in pods if pod.namespace == case) for case in cases
    }


@pytest.mark.parametrize("moved", PLACES, ids=lambda moved: moved.case.id)
def test_a_replacement_finds_a_place_or_none_alike(
    on_plane: dict[str, tuple[Verdict, Verdict]], on_twin: dict[str, tuple[Verdict, Verdict]], moved: Moved
) -> None:
    (meanwhile, end), (twin_meanwhile, twin_end) = on_plane[moved.case.id], on_twin[moved.case.id]
    assert end == moved.after, "Kubernetes itself does otherwise than is known of it"
    assert twin_end == end
    if moved.meanwhile is not None:
        assert meanwhile == moved.meanwhile
        assert twin_meanwhile == meanwhile


# --- T1: what a drain touches --------------------------------------------------------------


@pytest.mark.parametrize("name", POLICIES)
def test_a_drain_touches_what_kubectl_drain_does(plane: Plane, stage: Stage, name: str) -> None:
    flags, policy = POLICIES[name]
    (node,) = stage.nodes["drain"]
    argv = [str(plane.kubectl), "--kubeconfig", str(plane.kubeconfig), "drain", node, "--dry-run=client"]
    done = subprocess.run(
        [*argv, "--ignore-daemonsets", *flags], capture_output=True, text=True, check=False, timeout=60
    )
    said = done.stdout + done.stderr
    pods = [pod for pod in stage.inventory.pods if pod.node == node]
    ours = sort_pods(pods, policy, stage.inventory.taken_ms)
    blocked = {(item.pod.name, item.reason) for item in ours.blocked}  # kubectl, too, tells the first reason only
    assert blocked == _refused(said), said
    if not blocked:
        assert {item.pod.name for item in ours.evict} == set(re.findall(r"evicting pod \S+?/(\S+)", said)), said
        assert done.returncode == 0


_REASONS = {"--delete-emptydir-data": "empty-dir", "--force": "unmanaged"}


def _refused(said: str) -> set[tuple[str, str]]:
    """(pod, reason) of what kubectl would not touch."""
    found: set[tuple[str, str]] = set()
    for flag, names in re.findall(r"\(use (--[\w-]+) to override\): ([^\n\[\]]*?)(?=, cannot delete|\]|\n|$)", said):
        found |= {(name.rpartition("/")[2].strip(), _REASONS[flag]) for name in names.split(",") if "/" in name}
    return found


# --- the gates before a first eviction, under the shipped roles ----------------------------


@pytest.fixture(scope="module")
def shipped(api: Api, runner: Path) -> Path:
    rights.apply(api, rights.all_shipped(), RUNNER)
    return runner


def _ask(stage: Stage, kubeconfig: Path, question: str, case: str, *away: str) -> GateReading:
    """What the gate reads on the plane, as the runner that the shipped roles are for."""
    plan: Plan = propose_nodes(
        stage.inventory, NodesRequest(names=tuple(stage.nodes[SHARED]), action="none"), Platform(), 0
    )

    async def work(connection: Connection) -> GateReading:
        world = World(
            api=connection.cluster,
            runtime=AsyncioRuntime(),
            reboot=None,
            journal=MemoryJournal(),
            entropy=SystemEntropy(),
        )
        run = Run.of(world, plan, "run-oracle", RunOptions())
        pods = await connection.cluster.list(Pod, namespace=case)
        return await (quota_for_pods(run, pods) if question == "quota" else webhooks_answer(run, pods, away))

    return oracle.as_user(kubeconfig, work)


def test_a_quota_over_its_limit_closes_the_gate_and_a_full_one_does_not(
    stage: Stage, on_plane: dict[str, tuple[Verdict, Verdict]], shipped: Path
) -> None:
    full = _ask(stage, shipped, "quota", "qu-full")
    assert full.is_open
    assert "wait until the old pods are gone" in full.reading
    assert on_plane["qu-over"][1] == {"web": (2, 0)}, "the pod that the gate is about was made again"


def test_a_webhook_that_fails_closed_refuses_replacements_once_nobody_answers(
    stage: Stage, api: Api, shipped: Path
) -> None:
    """The gate's reason is what the API server does: without a back end no pod is made in the namespaces it guards."""
    meta = {"labels": {LABEL: "yes"}}
    for name in ("wh-engine", "wh-guarded"):
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta | {"name": name}}, exist_ok=True)
    api.create(app("wh-engine", "engine"), exist_ok=True)
    api.create(app("wh-guarded"), exist_ok=True)
    service: Object = {"selector": {"app": "engine"}, "ports": [{"port": 443}]}
    api.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "engine", "namespace": "wh-engine", **meta},
                "spec": service}, exist_ok=True)  # fmt: skip
    waits.until(lambda: _not_ready(api, "wh-engine") or _not_ready(api, "wh-guarded"), 30, "the webhook's pods")
    hook: Object = {
        "name": "pods.oracle.example",
        "failurePolicy": "Fail",
        "timeoutSeconds": 1,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"namespace": "wh-engine", "name": "engine"}},
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "wh-guarded"}},
    }
    api.create({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": "oracle", **meta}, "webhooks": [hook]}, exist_ok=True)  # fmt: skip
    try:
        (engine,) = api.list("Pod", "wh-engine")
        node = engine["spec"]["nodeName"]
        closed = _ask(stage, shipped, "webhooks", "wh-guarded", node)
        assert closed.state == "closed"
        assert f"{engine['metadata']['name']} on {node}" in closed.reason
        assert _ask(stage, shipped, "webhooks", "wh-guarded", "another-node").is_open
        assert _ask(stage, shipped, "webhooks", "ev-free", node).is_open, "it is not asked about that namespace"
        (guarded,) = api.list("Pod", "wh-guarded")
        api.delete("Pod", guarded["metadata"]["name"], "wh-guarded")
        waits.until(lambda: _refusal_of(api), 20, "the ReplicaSet is refused")
    finally:
        api.delete("ValidatingWebhookConfiguration", "oracle")


def _not_ready(api: Api, namespace: str) -> str | None:
    pods = api.list("Pod", namespace)
    return None if pods and all(is_ready(pod) for pod in pods) else f"{namespace}: {len(pods)} pods"


def _refusal_of(api: Api) -> str | None:
    """None once the ReplicaSet says that the webhook could not be called."""
    (replica_set,) = api.list("ReplicaSet", "wh-guarded")
    conditions = (replica_set.get("status") or {}).get("conditions") or []
    failed = [row for row in conditions if row["type"] == "ReplicaFailure"]
    return None if any("pods.oracle.example" in row.get("message", "") for row in failed) else str(conditions)
