"""What to refuse and what to do first: for the version that runs, the target, and everything on the way."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.knowledge.library import bundled
from shipkeeper.knowledge.numbering import belongs, numbers_of, reaches
from shipkeeper.knowledge.quirks import Quirk, Quirks, merge_quirks, read_quirks
from shipkeeper.knowledge.sources import Source
from shipkeeper.model.errors import BadInput

HERE = {"s": Source("S", "2026-11-01")}


def quirk(**where: object) -> Quirk:
    words = {"what": "w", "consequence": "c", "step": "do", "source": "s", "kind": "step"}
    return Quirk(id="q", product="x", **{**words, **where})


def roles(row: Quirk, version: str, target: str = "") -> list[tuple[str, str]]:
    return [(hit.role, hit.at) for hit in Quirks([row], HERE).between("x", version, target)]


def ids(product: str, version: str, target: str = "") -> dict[str, str]:
    return {hit.id: hit.role for hit in bundled().quirks_for(product, version, target)}


@pytest.mark.parametrize(
    ("product", "version", "target", "wanted"),
    [
        ("trivy", "0.69.5", "", "trivy-malicious-release"),
        ("trivy", "0.68.0", "0.69.4", "trivy-malicious-release"),
        ("keycloak-operator", "26.2.0", "26.3.0", "keycloak-operator-26.3.0"),
        ("keycloak-operator", "26.1.0", "26.6.4", "keycloak-v2beta1"),
        ("keycloak", "25.0.6", "26.1.0", "keycloak-sessions-26"),
        ("keycloak", "26.1.0", "26.7.2", "keycloak-database-migrates"),
        ("kyverno", "v1.12.5", "v1.13.4", "kyverno-1.13-v2alpha1"),
        ("kyverno", "1.18.2", "1.20.0", "kyverno-1.20-legacy"),
        ("flux", "2.6", "2.7", "flux-2.7-v1beta1"),
        ("flux", "2.7.5", "2.8.0", "flux-2.8-v1beta2"),
        ("trivy-operator", "0.22.0", "0.32.0", "trivy-operator-crds"),
        ("talos", "v1.7.6", "v1.8.0", "talos-preserve"),
        ("etcd", "3.5.21-0", "3.6.1-0", "etcd-3.6"),
        ("ingress-nginx", "v1.11.2", "", "ingress-nginx-retired"),
    ],
)
def test_what_the_documents_and_threads_warn_of_is_found(product, version, target, wanted):
    assert wanted in ids(product, version, target)


def test_a_way_that_does_not_pass_is_not_warned_of():
    assert "keycloak-v2beta1" not in ids("keycloak-operator", "26.6.1", "26.7.2")
    assert "flux-2.7-v1beta1" not in ids("flux", "2.7.0", "2.7.5")
    assert "trivy-malicious-release" not in ids("trivy", "0.69.3", "0.70.0")


def test_refusals_come_first():
    kinds = [hit.kind for hit in bundled().quirks_for("keycloak-operator", "26.1.0", "26.3.0")]
    assert kinds == sorted(kinds, key=("refuse", "step", "know").index)
    assert kinds[0] == "refuse"


def test_every_quirk_is_about_a_known_product_and_says_where_it_is_from():
    for row in bundled().quirks.rows:
        assert bundled().products.get(row.product), f"{row.id} is about {row.product}, which nothing here recognises"
        assert row.what
        assert row.consequence
        assert row.step
    for hit in bundled().quirks_for("kyverno", "1.12.5", "1.19.0"):
        assert hit.source
        assert hit.retrieved.startswith("2026-")


def test_where_a_quirk_holds():
    assert roles(quirk(versions=("1.2.3",)), "1.2.3", "1.2.4") == [("installed", "1.2.3")]
    assert roles(quirk(versions=("1.2.3",)), "1.2.2", "1.2.3") == [("target", "1.2.3")]
    assert roles(quirk(since="1.2", before="1.4"), "1.3.9") == [("installed", "1.3.9")]
    assert roles(quirk(since="1.2", before="1.4"), "1.4.0") == []
    assert roles(quirk(upgrade=True), "1.0", "1.1") == [("upgrade", "1.1")]
    assert roles(quirk(upgrade=True), "1.0") == []
    assert roles(quirk(upgrade=True, since="2.0"), "1.0", "1.1") == []
    assert roles(quirk(crosses=("2", "3")), "1.9", "3.1") == [("crossed", "2"), ("crossed", "3")]


def test_a_version_that_is_not_known_may_be_concerned():
    assert roles(quirk(crosses=("2",)), "", "2.1") == [("unknown", "2")]
    assert roles(quirk(crosses=("2",)), "", "1.9") == []
    assert roles(quirk(versions=("1.2",)), "", "") == []


versions = st.tuples(st.integers(0, 4), st.integers(0, 12)).map(lambda pair: f"{pair[0]}.{pair[1]}")


@given(versions, versions, versions, versions)
def test_a_way_crosses_what_its_parts_cross(first, second, third, bound):
    start, middle, end = sorted((first, second, third), key=numbers_of)
    row = quirk(crosses=(bound,))
    whole = len(roles(row, start, end))
    assert whole == len(roles(row, start, middle)) + len(roles(row, middle, end))
    assert whole <= 1


@given(versions, versions)
def test_every_version_is_before_a_bound_or_reaches_it(version, bound):
    here, there = numbers_of(version), numbers_of(bound)
    assert reaches(here, there) == (here >= there)
    assert belongs(here, here[:1])


def test_a_short_version_stands_for_its_first_release():
    assert reaches((26,), (26, 0))
    assert reaches((26, 0), (26,))
    assert not reaches((25, 9), (26,))


def test_a_users_quirk_replaces_the_known_one():
    rows = merge_quirks([quirk()], [quirk(what="better", upgrade=True), msgspec.structs.replace(quirk(), id="r")])
    assert [(row.id, row.what) for row in rows] == [("q", "better"), ("r", "w")]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "does not say where it holds"),
        ({"since": "soon"}, "'soon'"),
        ({"upgrade": True, "source": "t"}, "source 't'"),
        ({"upgrade": True, "kind": "maybe"}, "quirks[0].kind"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(change, told):
    words = {"what": "w", "consequence": "c", "step": "do", "source": "s", "kind": "step"}
    row = {"id": "q", "product": "x", **words, **change}
    sources = {"s": {"title": "S", "retrieved": "2026-11-01"}}
    file = {"format": 1, "kind": "quirks", "issued": "2026-11-24", "sources": sources, "quirks": [row]}
    with pytest.raises(BadInput) as caught:
        read_quirks(msgspec.json.encode(file), "q.json")
    assert told in str(caught.value)
