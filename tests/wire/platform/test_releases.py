"""Helm's records: what is read, what never is, and what a broken or hostile one does."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.errors import BadInput
from shipkeeper.model.releases import ManifestObject, Release
from shipkeeper.semantics.wire.platform import releases
from shipkeeper.semantics.wire.platform.releases import (
    Record,
    WireFullRecord,
    WireRecordMeta,
    by_labels,
    newest,
    record_of,
    unpack,
)
from tests.platform_samples.helm import CANARY, VALUES, chart, record, release


def read(item: dict[str, Any], deployed: int = 1) -> Release:
    wire = msgspec.json.decode(json.dumps(item), type=WireFullRecord)
    found = record_of(wire.metadata, "secret" if item["kind"] == "Secret" else "configmap")
    assert found is not None
    return unpack(found, deployed, wire.data.release if wire.data else None)


@pytest.mark.requirement("R-A2")
@pytest.mark.parametrize("storage", ["secret", "configmap"])
@pytest.mark.parametrize("gz", [True, False], ids=["gzip", "plain"])
def test_a_release_is_read_whole(storage: str, gz: bool) -> None:
    found = read(record(release(revision=3), storage=storage, gz=gz), deployed=3)
    assert (found.namespace, found.name, found.revision, found.status) == ("shop", "shop", 3, "deployed")
    assert (found.chart, found.chart_version, found.app_version) == ("shop", "1.4.2", "2.0.1")
    assert (found.kube_version, found.apply_method, found.storage) == (">=1.25.0-0", "", storage)
    assert found.first_deployed_ms == 1_767_600_000_123, "08:00 UTC: the record has a zone and nanoseconds"
    assert found.objects == (
        ManifestObject("apps/v1", "Deployment", "", "shop-web"),
        ManifestObject("v1", "Secret", "shop", "shop"),
    )
    assert found.hooks == (ManifestObject("batch/v1", "Job", "", "migrate"),)
    assert found.whole
    assert found.dropped == 0


def test_values_become_paths_and_types() -> None:
    found = dict(read(record(release())).value_keys)
    assert found == {
        "image.tag": "string",
        'image."pull.policy"': "string",
        "password": "string",
        "hosts[]": "string",
        "users[].name": "string",
        "users[].token": "string",
        "replicas": "integer",
        "ratio": "number",
        "debug": "boolean",
        "nothing": "null",
        "empty": "map",
    }


def test_the_digest_tells_a_change_and_not_an_order() -> None:
    one = read(record(release()))
    turned = read(record(release(config=dict(reversed(VALUES.items())))))
    other = read(record(release(config={**VALUES, "password": "another"})))
    assert one.values_digest == turned.values_digest != other.values_digest
    assert one.value_keys == other.value_keys, "the value itself must be nowhere but in the digest"


@pytest.mark.requirement("R-A2")
def test_nothing_secret_of_a_release_is_kept() -> None:
    found = read(record(release()))
    for form in (CANARY, base64.b64encode(CANARY.encode()).decode()):
        assert form not in repr(found), "values, notes, descriptions and rendered Secrets end where they are read"


def test_helm_4_says_how_it_applies() -> None:
    assert read(record(release(apply_method="ssa"))).apply_method == "ssa"


@pytest.mark.parametrize("status", ["failed", "pending-upgrade", "pending-install", "superseded", "uninstalling"])
def test_every_status_comes_through(status: str) -> None:
    assert read(record(release(status=status)), deployed=0).status == status


def test_a_status_that_helm_does_not_have_is_unknown() -> None:
    assert read(record(release(status="splendid"))).status == "unknown"


def test_a_deprecated_chart_and_its_parts() -> None:
    body = release(chart=chart(deprecated=True, dependencies=[{"name": "redis", "version": "18.x"}]))
    found = read(record(body))
    assert found.chart_deprecated
    assert found.dependencies == (("redis", "18.x"),)


def test_the_newest_revision_counts_by_number_and_what_runs_is_the_newest_deployed() -> None:
    records = [
        Record("shop", f"sh.helm.release.v1.shop.v{number}", "shop", number, status)
        for number, status in ((2, "deployed"), (10, "failed"), (9, "deployed"), (1, "superseded"))
    ]
    [(top, deployed)] = newest(records)
    assert (top.revision, deployed) == (10, 9), "as text, 9 would be newer than 10"
    assert by_labels(top, deployed).storage == "labels-only"


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"owner": "helm", "name": "x"},
        {"owner": "helm", "name": "x", "version": "-1"},
        {"owner": "helm", "name": "x", "version": "٣x"},
        {"owner": "someone", "name": "x", "version": "1"},
        {"owner": "helm", "name": "", "version": "1"},
        {"owner": "helm", "name": "x", "version": "9" * 30},
    ],
)
def test_what_is_no_record_is_left_alone(labels: dict[str, str | None]) -> None:
    assert record_of(WireRecordMeta("sh.helm.release.v1.x.v1", "shop", labels), "secret") is None


def test_a_secret_that_only_has_the_labels_is_no_record() -> None:
    labels: dict[str, str | None] = {"owner": "helm", "name": "x", "version": "1"}
    assert record_of(WireRecordMeta("my-password", "shop", labels), "secret") is None


SOME = Record("shop", "sh.helm.release.v1.shop.v1", "shop", 1, "deployed")


def encoded(content: bytes) -> str:
    return base64.b64encode(base64.b64encode(content)).decode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (None, "no data"),
        ("", "no data"),
        ("!!!", "base64|no release"),
        (encoded(b"\x1f\x8b\x08 broken"), "unpacked"),
        # Without a time in it: a parameter is named the same in every worker.
        (encoded(gzip.compress(b'{"name": "x"}', mtime=0)[:-6]), "cut off"),
        (encoded(b"[1]"), "no release"),
        (encoded(b'{"info": {"status": 7}}'), "no release"),
        (encoded(f'{{"config": {CANARY}'.encode()), "no release"),
    ],
)
def test_a_record_that_cannot_be_read_says_so_and_repeats_nothing(data: str | None, why: str) -> None:
    with pytest.raises(BadInput, match=why) as caught:
        unpack(SOME, 0, data)
    assert "shop/shop, revision 1" in caught.value.message
    assert CANARY not in str(caught.value)


def test_a_bomb_is_refused_before_it_fills_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "LARGEST", 1 << 20)
    with pytest.raises(BadInput, match="more than 1 MiB"):
        unpack(SOME, 0, encoded(gzip.compress(b" " * (4 << 20))))


def test_values_beyond_all_measure_are_not_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "LARGEST_VALUES", 100)
    found = read(record(release()))
    assert (found.value_keys, found.dropped) == ((), 1)
    assert found.values_digest, "that they change must still show"


def test_ever_deeper_and_ever_more_values_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = {"k": deep}
    monkeypatch.setattr(releases, "MOST_KEYS", 5)
    found = read(record(release(config={"deep": deep, **{f"k{i}": i for i in range(20)}})))
    assert len(found.value_keys) == 5
    assert found.dropped == 16
    assert max(path.count(".") for path, _ in found.value_keys) <= releases.MOST_DEPTH


@given(st.binary(max_size=300))
def test_any_bytes_are_a_release_or_an_error(data: bytes) -> None:
    try:
        unpack(SOME, 0, encoded(data))
    except BadInput:
        return
