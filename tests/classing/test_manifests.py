"""Rendered manifests of two releases compared."""

from __future__ import annotations

import pytest
import yaml

from shipkeeper.assessment.classing.manifests import compare_manifests, written_for_removed
from shipkeeper.knowledge.library import bundled
from shipkeeper.model.errors import BadInput


def objects(text: str):
    return [item for item in yaml.safe_load_all(text) if item]


def told(old: str, new: str) -> list[tuple[str, str, str]]:
    return [(one.kind, str(one.object), one.weight) for one in compare_manifests(objects(old), objects(new))]


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: app}}
  template: {spec: {containers: [{name: a, image: ghcr.io/a/b:1}]}}
"""
WEBHOOK = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: guard}
webhooks:
- {name: v.example.org, failurePolicy: Ignore, namespaceSelector: {}, rules: [{resources: [pods]}]}
"""
ROLE = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: edit-things, labels: {rbac.authorization.k8s.io/aggregate-to-edit: "true"}}
rules:
- {apiGroups: [example.org], resources: [things], verbs: [get, create]}
"""


@pytest.mark.parametrize(
    ("old", "changes", "found"),
    [
        (DEPLOYMENT, [], []),
        (DEPLOYMENT, [("app: app}", "app: other}")], [("immutable-field-changed", "breaking")]),
        (DEPLOYMENT, [("replicas: 3", "replicas: 1")], [("replicas-reduced", "risky")]),
        (DEPLOYMENT, [("ghcr.io/a/b:1", "ghcr.io/a/b:2")], []),
        (DEPLOYMENT, [("ghcr.io/a/b:1", "a/b:1")], [("registry-changed", "risky")]),
        (WEBHOOK, [("Ignore", "Fail")], [("failure-policy-changed", "breaking")]),
        (WEBHOOK, [("Selector: {}", "Selector: {matchLabels: {a: b}}")], [("admission-scope-changed", "breaking")]),
        (WEBHOOK, [("[pods]", "[pods, services]")], [("admission-scope-changed", "breaking")]),
        (ROLE, [("[get, create]", "[get]")], [("rights-removed", "breaking")]),
        (ROLE, [("[get, create]", "['*']")], [("rights-wildcard-added", "risky")]),
        (
            "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {minAvailable: 1}",
            [("minAvailable: 1", "minAvailable: 2")],
            [("budget-changed", "risky")],
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}, {port: 81}]}",
            [(", {port: 81}", "")],
            [("service-changed", "breaking")],
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {clusterIP: 10.0.0.1}",
            [("10.0.0.1", "None")],
            [("immutable-field-changed", "breaking")],
        ),
        (
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: n\n"
            "  labels: {pod-security.kubernetes.io/enforce: baseline}",
            [("baseline", "restricted")],
            [("pod-security-changed", "breaking")],
        ),
        (
            "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\nprovisioner: a",
            [("provisioner: a", "provisioner: b")],
            [("immutable-field-changed", "breaking")],
        ),
        (
            "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\nprovisioner: a",
            [("provisioner: a", "provisioner: a\nreclaimPolicy: Delete")],
            [],
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\nimmutable: true\ndata: {a: b}",
            [("a: b", "a: c")],
            [("immutable-field-changed", "breaking")],
        ),
        (
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec: {ingressClassName: a}",
            [("ingressClassName: a", "ingressClassName: b")],
            [("ingress-changed", "breaking")],
        ),
        (
            "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: i}\nspec: {}",
            [("extensions/v1beta1", "networking.k8s.io/v1")],
            [],
        ),
    ],
)
def test_each_rule(old, changes, found):
    new = old
    for before, after in changes:
        assert before in new
        new = new.replace(before, after)
    assert [(kind, weight) for kind, _, weight in told(old, new)] == found


def test_what_is_gone_and_what_is_new():
    others = DEPLOYMENT + "---" + "\napiVersion: v1\nkind: Service\nmetadata: {name: s}\n---" + ROLE
    assert told(others, ROLE) == [
        ("object-removed", "Service s", "breaking"),
        ("workload-removed", "Deployment shop/app", "risky"),
    ]
    assert told("", WEBHOOK.replace("Ignore", "Fail")) == [
        ("admission-added", "ValidatingWebhookConfiguration guard", "breaking")
    ]
    binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: x}\n"
    assert told("", binding + "roleRef: {name: cluster-admin}") == [
        ("rights-wildcard-added", "ClusterRoleBinding x", "risky")
    ]


@pytest.mark.parametrize(("minor", "count"), [("v1.24.3", 0), ("1.25", 1), ("v1.33.4-gke.1", 1)])
def test_objects_written_for_an_api_that_is_gone(minor, count):
    old = objects("apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: b, namespace: shop}")
    found = written_for_removed(old, bundled().removals.announced(), minor)
    assert len(found) == count
    assert all("policy/v1 PodDisruptionBudget takes its place" in one.text for one in found)


def test_no_minor_is_an_error():
    with pytest.raises(BadInput):
        written_for_removed([], (), "latest")
