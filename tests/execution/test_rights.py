"""Least privilege: the shipped role is the computed one, and the computed one is what a run really calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from shipkeeper.app.rights import manifest, parse_subject, survey_rights
from shipkeeper.execution.rights import rights
from shipkeeper.model.cluster import ApiService, EndpointSlice, Lease, Namespace, Quota, Service, Webhook
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod
from shipkeeper.model.storage import CsiNode, VolumeAttachment
from shipkeeper.model.workloads import Budget
from tests import builders as b
from tests.execution.stage import Stage, three_nodes

ROOT = Path(__file__).resolve().parents[2]
WORKLOADS = {
    ("apps", "daemonsets"), ("apps", "deployments"), ("apps", "replicasets"), ("apps", "statefulsets"),
    ("batch", "jobs"), ("", "replicationcontrollers"),
}  # fmt: skip
_ADMISSION = "admissionregistration.k8s.io"
RESOURCE = {
    Node: ("", "nodes"),
    Pod: ("", "pods"),
    Budget: ("policy", "poddisruptionbudgets"),
    VolumeAttachment: ("storage.k8s.io", "volumeattachments"),
    CsiNode: ("storage.k8s.io", "csinodes"),
    Lease: ("coordination.k8s.io", "leases"),
    Namespace: ("", "namespaces"),
    Quota: ("", "resourcequotas"),
    Webhook: (_ADMISSION, "mutatingwebhookconfigurations"),
    ApiService: ("apiregistration.k8s.io", "apiservices"),
    Service: ("", "services"),
    EndpointSlice: ("discovery.k8s.io", "endpointslices"),
}
Right = tuple[str, str, str]


class Seen:
    """Turns calls of the port into the rights that the HTTP client needs for them."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.rights: set[Right] = set()

    def _need(self, verb: str, *resources: tuple[str, str]) -> None:
        self.rights.update((verb, group, name) for group, name in resources)

    def watch(self, kind: Any, **where: Any) -> Any:
        self._need("list", RESOURCE[kind])
        self._need("watch", RESOURCE[kind])
        return self._inner.watch(kind, **where)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            if name in ("get", "list"):
                self._need(name, RESOURCE[args[0]])
                if args[0] is Webhook:
                    self._need(name, (_ADMISSION, "validatingwebhookconfigurations"))
            elif name == "workloads":
                self._need("get", *WORKLOADS)
            elif name == "all_workloads":
                self._need("list", *WORKLOADS)
            elif name == "room":
                self._need("list", RESOURCE[Node], RESOURCE[Pod])
            elif name == "identity":
                self._need("get", RESOURCE[Namespace])
            elif name == "patch_node":
                self._need("patch", RESOURCE[Node])
            elif name == "evict_many":
                self._need("create", ("", "pods/eviction"))
            elif name == "put_lease":
                self._need("update" if args[0].resource_version else "create", RESOURCE[Lease])
            else:
                assert name in ("whoami", "server_time_ms"), f"{name} needs a rule"
            return await method(*args, **kwargs)

        return call


def granted(stage: Stage) -> set[Right]:
    return {(v, rule.group, r) for rule in rights(stage.plan) for r in rule.resources for v in rule.verbs}


@pytest.mark.parametrize("action", ["reboot", "none"])
def test_a_run_calls_exactly_what_its_role_grants(action: str) -> None:
    """A night with a control-plane node, a spent budget, a stuck pod, a volume, a webhook for some namespaces and an
    aggregated API whose addresses somebody else keeps, so that every rule is met.
    """
    stuck = b.pod("stuck", owned_by=b.owner("ReplicaSet", "x"), deletion_ms=b.NOW - 90_000)
    member = b.mirror("etcd", "cp1")
    two = b.deployment("two", on=("n1", "n1"))
    budget = b.budget("two", app="two", max_unavailable=1, healthy=2, expected=2, desired=1, allowed=1)
    parts = (b.node("cp1", control_plane=True), member, stuck, two, budget, *three_nodes())
    more = {
        "webhooks": (
            Webhook(
                "policy",
                "policy.example",
                "ValidatingWebhookConfiguration",
                service=("default", "two"),
                rules=(("CREATE", "", "pods"),),
                namespace_selector=b.selector(policy="strict"),
            ),
        ),
        "api_services": (ApiService("v1.widgets.example", ("default", "outside"), True, "widgets.example"),),
        "services": (Service("default", "outside"),),
    }
    request = {"allow_control_plane": True, "accept_api_outage": True, "action": action}
    stage = Stage(*parts, names=("n1", "cp1"), more=more, **request)
    seen = stage.api = Seen(stage.api)

    async def mends(stage: Stage) -> None:
        await stage.kernel.sleep(60_000)
        pods = stage.twin.world.pods
        pods.remove(pods.find("default", "stuck"))

    assert stage.play(mends, hold_for_ms=None).state == "done"
    assert seen.rights - granted(stage) == set(), "the run calls what its role does not grant"
    never = granted(stage) - seen.rights
    if action == "none":
        never -= {("list", "", "nodes"), ("list", "storage.k8s.io", "volumeattachments")}  # free room; stuck volumes
    assert never == set(), "the role grants what no run calls"


def test_the_shipped_role_is_the_computed_one() -> None:
    shipped = (ROOT / "deploy/rbac/runner.yaml").read_text()
    assert shipped == manifest(), "write it again: shipkeeper doctor --show-rights > deploy/rbac/runner.yaml"


def test_the_role_deletes_nothing_and_reads_no_secret() -> None:
    roles = [obj for obj in yaml.safe_load_all(manifest(Stage().plan)) if obj["kind"] in ("Role", "ClusterRole")]
    rules = [rule for role in roles for rule in role["rules"]]
    assert len(roles) == 2
    verbs = {verb for rule in rules for verb in rule["verbs"]}
    assert not verbs & {"delete", "deletecollection", "*", "escalate", "bind", "impersonate"}
    assert not {r for rule in rules for r in rule["resources"]} & {"secrets", "configmaps", "*"}


def test_a_plan_that_reboots_nothing_needs_less() -> None:
    less = granted(Stage(action="none"))
    assert less < granted(Stage())
    assert ("get", "storage.k8s.io", "csinodes") not in less


def test_one_plan_s_role_changes_its_own_nodes_only() -> None:
    stage = Stage(names=("n1", "n2"))
    changing = [rule for rule in rights(stage.plan) if "nodes" in rule.resources and "patch" in rule.verbs]
    assert [rule.names for rule in changing] == [("n1", "n2")], "another node could be cordoned with this role"
    assert granted(stage) == {(v, r.group, n) for r in rights() for n in r.resources for v in r.verbs}


def test_the_role_is_bound_to_whom_it_is_asked_for() -> None:
    for text, wanted in (
        ("user:jo@x", {"kind": "User", "name": "jo@x", "apiGroup": "rbac.authorization.k8s.io"}),
        ("serviceaccount:ops/runner", {"kind": "ServiceAccount", "name": "runner", "namespace": "ops"}),
    ):
        objects = list(yaml.safe_load_all(manifest(None, "ops", parse_subject(text))))
        assert [obj["subjects"] for obj in objects if "subjects" in obj] == [[wanted], [wanted]]
        assert {obj["metadata"].get("namespace") for obj in objects} == {None, "ops"}
    for bad in ("jo", "user:", "serviceaccount:runner", "robot:x"):
        with pytest.raises(UsageProblem):
            parse_subject(bad)


def test_the_shipped_survey_role_is_what_a_survey_reads() -> None:
    roles = [obj for obj in yaml.safe_load_all((ROOT / "deploy/rbac/survey.yaml").read_text()) if "rules" in obj]
    shipped = {
        (v, group, r)
        for role in roles
        for rule in role["rules"]
        for group in rule.get("apiGroups", ())
        for r in rule["resources"]
        for v in rule["verbs"]
    }
    assert shipped == {(v, rule.group, r) for rule in survey_rights() for r in rule.resources for v in rule.verbs}
    urls = [rule for role in roles for rule in role["rules"] if "nonResourceURLs" in rule]
    assert urls == [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]
    assert not {"secrets", "configmaps"} & {resource for _, _, resource in shipped}, "that is a right of its own"
