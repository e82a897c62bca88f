"""What runs is recognised by what projects publish; what cannot be told is said, not guessed."""

from __future__ import annotations

import pytest

from shipkeeper.knowledge.library import bundled
from shipkeeper.knowledge.paths import path_policy, policies_of
from shipkeeper.knowledge.products import Product, Products, merge_products, read_products, split_image
from shipkeeper.knowledge.schedule import default_schedule
from shipkeeper.model.errors import BadInput
from shipkeeper.model.schedule import LEVELS
from shipkeeper.model.version import SCHEMES, parse_version

PRODUCTS = bundled().products

SEEDS = (
    "kubernetes", "etcd", "containerd", "cilium", "calico", "flux", "kyverno", "trivy-operator", "trivy", "falco",
    "tracee", "keycloak", "keycloak-operator", "cloudnative-pg", "postgresql", "cert-manager", "ingress-nginx",
    "prometheus-operator", "kube-prometheus-stack", "prometheus", "alertmanager", "grafana", "opensearch",
    "harbor", "velero", "redis", "rabbitmq", "kured", "argo-cd", "istio", "gatekeeper", "external-dns", "loki",
    "thanos", "fluentd", "fluent-bit", "metrics-server", "coredns", "talos", "ubuntu", "debian", "rhel",
    "flatcar", "aws-load-balancer-controller", "weave-gitops", "tekton-pipelines", "kubespray", "ck8s-kubespray",
    "ck8s-apps", "hsm-firmware",
)  # fmt: skip

IMAGES = {
    "quay.io/keycloak/keycloak:26.1.0": ("keycloak", "26.1.0"),
    "quay.io/keycloak/keycloak-operator:26.1.0": ("keycloak-operator", "26.1.0"),
    "harbor.example.org/proxy/quay.io/keycloak/keycloak:26.1.0": ("keycloak", "26.1.0"),
    "localhost:5000/aquasec/trivy-operator:0.22.0@sha256:ff": ("trivy-operator", "0.22.0"),
    "ghcr.io/aquasecurity/trivy:0.69.3": ("trivy", "0.69.3"),
    "registry.k8s.io/kube-apiserver:v1.34.4": ("kubernetes", "v1.34.4"),
    "registry.k8s.io/etcd:3.5.21-0": ("etcd", "3.5.21-0"),
    "registry.k8s.io/coredns/coredns:v1.11.3": ("coredns", "v1.11.3"),
    "quay.io/cilium/cilium:v1.16.3@sha256:abc": ("cilium", "v1.16.3"),
    "quay.io/cilium/operator-generic:v1.16.3": ("cilium", "v1.16.3"),
    "ghcr.io/kyverno/kyverno:v1.12.5": ("kyverno", "v1.12.5"),
    "ghcr.io/kyverno/background-controller:v1.12.5": ("kyverno", "v1.12.5"),
    "ghcr.io/cloudnative-pg/cloudnative-pg:1.25.1": ("cloudnative-pg", "1.25.1"),
    "ghcr.io/cloudnative-pg/postgresql:16.2-bookworm": ("postgresql", "16.2"),
    "postgres:15.4": ("postgresql", "15.4"),
    "redis:7.2-alpine": ("redis", "7.2"),
    "docker.io/bitnami/redis:7.2.4-debian-12-r3": ("redis", "7.2.4"),
    "docker.io/falcosecurity/falco:0.39.2-debian": ("falco", "0.39.2"),
    "registry.k8s.io/ingress-nginx/controller:v1.11.2@sha256:d5": ("ingress-nginx", "v1.11.2"),
    "quay.io/prometheus-operator/prometheus-operator:v0.75.0": ("prometheus-operator", "v0.75.0"),
    "goharbor/harbor-core:v2.11.0": ("harbor", "v2.11.0"),
    "rabbitmq:3.13-management": ("rabbitmq", "3.13"),
    "rancher/mirrored-coredns-coredns:1.11.3": ("coredns", "1.11.3"),
    "registry.example.org/mirror/cilium-cilium:v1.16.3": ("cilium", "v1.16.3"),
}


@pytest.mark.requirement("R-B4")
@pytest.mark.parametrize("product", SEEDS)
def test_everything_the_documents_name_is_known(product):
    assert PRODUCTS.get(product) is not None, f"{product} would be an unknown component on a platform that runs it"


@pytest.mark.parametrize(("image", "wanted"), IMAGES.items())
def test_images_are_recognised_behind_any_mirror(image, wanted):
    found = PRODUCTS.identify_image(image)
    assert found is not None
    assert (found.product, found.version) == wanted
    assert found.certain
    row = PRODUCTS.get(found.product)
    assert row is not None
    assert parse_version(found.version, row.scheme), "its scheme has to read what its own images say"


@pytest.mark.parametrize(
    "image", ["nginx:1.27", "example.org/checkout:1.2.3", "fluxcd/other:v1", "", "keycloak/theme:1"]
)
def test_other_images_are_nobodys(image):
    assert PRODUCTS.identify_image(image) is None


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("quay.io/keycloak/keycloak@sha256:0123", "digest only"),
        ("quay.io/keycloak/keycloak", "means latest"),
        ("quay.io/keycloak/keycloak:latest", "no version"),
        ("quay.io/keycloak/keycloak:nightly@sha256:01", "no version"),
    ],
)
def test_a_version_that_nothing_tells_is_unknown_and_said_so(image, why):
    found = PRODUCTS.identify_image(image)
    assert found is not None
    assert found.version == "", "a guessed version would decide about end of life and upgrade paths"
    assert why in found.note


def test_a_bare_name_in_a_private_repository_is_not_certain():
    found = PRODUCTS.identify_image("registry.example.org/platform/keycloak:1.4.2")
    assert found is not None
    assert not found.certain
    assert "bare name" in found.note


def test_a_flux_controller_names_the_release_it_belongs_to():
    found = PRODUCTS.identify_image("ghcr.io/fluxcd/helm-controller:v1.3.0")
    assert found is not None
    assert (found.product, found.version) == ("flux", "2.6"), "1.3 is the controller's own number, not Flux's"
    later = PRODUCTS.identify_image("ghcr.io/fluxcd/helm-controller:v9.9.0")
    assert later is not None
    assert later.version == ""
    assert "not told" in later.note


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Talos (v1.9.0)", ("talos", "1.9.0")),
        ("Ubuntu 22.04.4 LTS", ("ubuntu", "22.04.4")),
        ("Debian GNU/Linux 12 (bookworm)", ("debian", "12")),
        ("Red Hat Enterprise Linux 9.4 (Plow)", ("rhel", "9.4")),
        ("Red Hat Enterprise Linux CoreOS 48.84.202108 (Ootpa)", ("rhcos", "48.84.202108")),
        ("Flatcar Container Linux by Kinvolk 3815.2.0 (Oklo)", ("flatcar", "3815.2.0")),
        ("containerd://1.7.2", ("containerd", "1.7.2")),
        ("cri-o://1.30.1", ("cri-o", "1.30.1")),
    ],
)
def test_nodes_name_their_system_and_runtime(text, wanted):
    found = PRODUCTS.identify_node(text)
    assert found is not None
    assert (found.product, found.version) == wanted


@pytest.mark.parametrize("text", ["", "K3s dev", "docker://20.10", "Debianish 3"])
def test_an_unknown_system_is_unknown(text):
    assert PRODUCTS.identify_node(text) is None


def test_charts_and_groups_find_their_product():
    assert bundled().identify_chart("kube-prometheus-stack") == "kube-prometheus-stack"
    assert bundled().identify_chart("my-shop") is None
    assert PRODUCTS.identify_group("k8s.keycloak.org") == "keycloak-operator"
    assert PRODUCTS.identify_group("helm.toolkit.fluxcd.io") == "flux"


def test_every_row_can_be_used():
    tasks = {task.id for task in default_schedule()}
    claimed: dict[str, str] = {}
    for row in PRODUCTS.rows:
        assert row.level in LEVELS
        assert row.scheme in SCHEMES
        assert path_policy(row.path).id == row.path
        assert not policies_of(row.id) or policies_of(row.id)[0].id == row.path, f"{row.id} has two default policies"
        assert set(row.tasks) <= tasks, f"{row.id} falls under a row that the schedule does not have"
        for key in (*row.images, *(f"name:{name}" for name in row.names), *(f"chart:{chart}" for chart in row.charts)):
            assert key not in claimed, f"{key} is claimed by {claimed.get(key)} and by {row.id}"
            claimed[key] = row.id


def test_what_a_user_says_of_a_product_goes_on_top():
    known = Product(id="x", name="X", level="core", scheme="semver", images=("a/x",), path="patch-free")
    rows = merge_products(
        [known], [Product(id="x", images=("mine/x",), path="minor-by-minor"), Product(id="y", name="Y")]
    )
    x, y = rows
    assert x.images == ("a/x", "mine/x")
    assert (x.name, x.path) == ("X", "minor-by-minor")
    assert y.name == "Y"
    found = Products(rows).identify_image("registry.example.org/mine/x:1.0")
    assert found is not None
    assert found.product == "x"


def test_an_image_reference_comes_apart():
    assert split_image("localhost:5000/a/b:1@sha256:c") == ("localhost:5000/a/b", "1", "sha256:c")
    assert split_image("localhost:5000/a/b") == ("localhost:5000/a/b", "", "")
    assert split_image("a") == ("a", "", "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"format": 1,\n "kind": }', "p.json:2:10"),
        (
            '{"format": 2, "kind": "products", "issued": "", "source": "s", "sources": {}, "products": []}',
            "format is 2",
        ),
        ('{"format": 1, "kind": "support", "issued": "", "source": "s", "sources": {}, "products": []}', "'support'"),
        ('{"format": 1, "kind": "products", "issued": "", "source": "s", "sources": {}, "products": []}', "source 's'"),
        (
            '{"format": 1, "kind": "products", "issued": "", "source": "s", "sources": {}, "products": [{"id": 3}]}',
            "products[0].id",
        ),
        (
            '{"format":1,"kind":"products","issued":"","source":"s","sources":{"s":{"title":"","retrieved":""}},'
            '"products":[{"id":"x","name":"X","scheme":"semver","level":"high"}]}',
            "level 'high'",
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_place(text, told):
    with pytest.raises(BadInput) as caught:
        read_products(text.encode(), "p.json")
    assert told in str(caught.value)
    assert caught.value.location is not None
    assert caught.value.location.file == "p.json"
