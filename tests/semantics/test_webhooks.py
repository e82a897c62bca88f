"""Webhooks: which of the work of moving pods they are asked about."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.model.cluster import Service, Webhook
from shipkeeper.model.labels import Requirement, Selector
from shipkeeper.semantics.placement import labels_by_namespace
from shipkeeper.semantics.webhooks import answers_for, asked_about, asks_about_making
from tests import builders as b

NAMESPACES = labels_by_namespace([("default", {"tier": "shop"}), ("policy", {}), ("kube-node-lease", {})])
NOT_OURS = Selector((), (Requirement("kubernetes.io/metadata.name", "NotIn", ("default",)),))
POD = b.pod("web-1", template=b.shape({"app": "web"}))


def hook(*rules: tuple[str, str, str], **more: Any) -> Webhook:
    kind = "ValidatingWebhookConfiguration"
    return Webhook("policy", "p.example", kind, service=("policy", "p"), rules=rules, **more)


@pytest.mark.parametrize(
    ("rule", "more", "asked"),
    [
        (("CREATE", "", "pods"), {}, ("CREATE pods",)),
        (("*", "*", "*"), {}, ("CREATE pods", "UPDATE nodes", "DELETE pods", "UPDATE leases")),
        (("CREATE", "", "pods/*"), {}, ("CREATE pods", "CREATE pods/eviction")),
        (("CREATE", "", "*/eviction"), {}, ("CREATE pods/eviction",)),
        (("*", "", "*/*"), {}, ("CREATE pods", "CREATE pods/eviction", "UPDATE nodes", "DELETE pods")),
        (("CREATE", "", "pods"), {"namespace_selector": b.selector(tier="shop")}, ("CREATE pods",)),
        (("CREATE", "", "pods"), {"namespace_selector": b.selector(tier="bank")}, ()),
        (("CREATE", "", "pods"), {"namespace_selector": NOT_OURS}, ()),
        (("CREATE", "", "pods"), {"object_selector": b.selector(app="web")}, ("CREATE pods",)),
        (("CREATE", "", "pods"), {"object_selector": b.selector(inject="yes")}, ()),
        (("CREATE", "", "pods/eviction"), {"object_selector": b.selector(app="web")}, ()),
        (("UPDATE", "", "nodes"), {"namespace_selector": NOT_OURS}, ("UPDATE nodes",)),
        (("UPDATE", "coordination.k8s.io", "leases"), {"namespace_selector": b.selector(tier="shop")}, ()),
        (("UPDATE", "coordination.k8s.io", "leases"), {"namespace_selector": NOT_OURS}, ("UPDATE leases",)),
    ],
)
def test_who_is_asked(rule: tuple[str, str, str], more: dict[str, Any], asked: tuple[str, ...]) -> None:
    assert asked_about(hook(rule, **more), [POD], NAMESPACES) == asked


def test_a_namespace_that_nobody_described_counts_as_asked() -> None:
    only_bank = hook(("CREATE", "", "pods"), namespace_selector=b.selector(tier="bank"))
    assert asked_about(only_bank, [POD], {}) == ("CREATE pods",)


def test_a_webhook_that_leaves_its_own_namespace_alone_is_not_asked_about_itself() -> None:
    mine = b.pod("policy-1", "policy")
    assert asks_about_making(hook(("CREATE", "", "pods")), mine, NAMESPACES)
    others = Selector((), (Requirement("kubernetes.io/metadata.name", "NotIn", ("policy",)),))
    assert not asks_about_making(hook(("CREATE", "", "pods"), namespace_selector=others), mine, NAMESPACES)


def test_only_a_ready_pod_that_stays_answers() -> None:
    service = Service("default", "web", {"app": "web"})
    assert answers_for(service, POD)
    for change in ({"ready": False}, {"deletion_ms": b.NOW}, {"phase": "Succeeded"}, {"namespace": "other"}):
        assert not answers_for(service, replace(POD, **change)), change
    assert not answers_for(Service("default", "web"), POD), "a Service without a selector selects nobody"
    assert not answers_for(Service("default", "web", {"app": "db"}), POD)
