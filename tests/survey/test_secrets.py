"""Canaries: what is secret in a cluster is nowhere in what we keep or print."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from shipkeeper.app.inventory_file import save
from shipkeeper.app.survey import load_inventory
from shipkeeper.cli.main import main
from tests.dumps.cluster import LAYOUTS, SINGLE, Objects, as_folder, small_cluster
from tests.platform_samples.base import SECRET
from tests.platform_samples.helm import CANARY as HELM_CANARY
from tests.platform_samples.helm import record, release
from tests.platform_samples.objects import crd, custom_resources
from tests.wire.objects import container, meta, pod

CANARY = "canary-7f3a9c"
CANARIES = (CANARY, SECRET, HELM_CANARY)
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def poisoned() -> Objects:
    """The small cluster, with a canary wherever a cluster keeps secrets."""
    objects = small_cluster()
    for item in objects:
        annotations = item["metadata"].setdefault("annotations", {})
        annotations[LAST_APPLIED] = f'{{"password":"{CANARY}"}}'
        annotations["vault.example.com/token"] = CANARY
        item["metadata"]["managedFields"] = [{"manager": CANARY}]
        for spec in _pod_specs(item):
            for box in spec["containers"]:
                box["env"] = [{"name": "PASSWORD", "value": CANARY}]
                box["envFrom"] = [{"secretRef": {"name": CANARY}}]
                box["command"], box["args"] = ["run", CANARY], ["--token", CANARY]
                box["livenessProbe"] = {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": CANARY}]}}
            spec["volumes"] = [{"name": "v", "secret": {"secretName": CANARY}}, {"name": CANARY, "configMap": {}}]
    secret_data = {"password": base64.b64encode(CANARY.encode()).decode(), "plain": CANARY}
    leaked = {
        "namespace": "shop",
        "message": CANARY,
        "reason": "Started",
        "involvedObject": {"kind": "Pod", "name": "p"},
    }
    return [
        *objects,
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta("s"), "data": secret_data, "stringData": {"a": CANARY}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("c"), "data": {"app.conf": CANARY}},
        {"apiVersion": "v1", "kind": "Event", "metadata": meta("e")} | leaked,
        pod("extra", spec={"containers": [container(env=[{"name": "A", "value": CANARY}])]}),
        *_platform(),
    ]


def _platform() -> Objects:
    """What operators and Helm keep secrets in: each sample has its own canary in every such field."""
    custom = [*custom_resources(), crd("backups", "velero.io", "Backup", "v1")]
    for item in custom:
        item["metadata"].setdefault("annotations", {})[LAST_APPLIED] = CANARY
    return [*custom, record(release()), record(release(name="bank", namespace="bank"), storage="configmap")]


def _pod_specs(item: dict[str, Any]) -> list[dict[str, Any]]:
    spec = item.get("spec") or {}
    template = (spec.get("template") or {}).get("spec")
    return [found for found in (spec if item["kind"] == "Pod" else None, template) if found]


@pytest.fixture(params=[*sorted(LAYOUTS), *sorted(SINGLE)])
def dump(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    name: str = request.param
    if name in LAYOUTS:
        return str(as_folder(LAYOUTS[name](poisoned()), tmp_path / "dump"))
    (tmp_path / name).write_bytes(SINGLE[name](poisoned()))
    return str(tmp_path / name)


@pytest.mark.requirement("R-A2")
def test_no_canary_in_the_saved_inventory(dump: str, tmp_path: Path) -> None:
    whole = load_inventory(dump)
    assert len(whole.pods) == 5, "the poisoned dump must still be read whole"
    path = tmp_path / "x.inv"
    save(whole, path)
    data = path.read_bytes()
    plain = zlib.decompress(data[50:])
    assert b"web-5d8f-1" in plain, "the search looks at the wrong bytes"
    for canary in CANARIES:
        for form in (canary.encode(), base64.b64encode(canary.encode())):
            assert form not in data
            assert form not in plain
        assert canary not in repr(whole)
        assert canary not in repr(list(whole.pods))
    assert b"require-team" in plain, "the platform must be read whole too"
    helm = {item.name for item in whole.releases if item.whole}
    assert helm == (set() if "bundle" in whole.source else {"shop", "bank"}), "bundles hold no Secrets"


@pytest.mark.parametrize("output", ["table", "json", "yaml", "markdown"])
def test_no_canary_in_what_is_printed(dump: str, output: str) -> None:
    result = CliRunner().invoke(main, ["survey", "--from", dump, "-o", output])
    assert result.exit_code == 0
    assert not [canary for canary in CANARIES if canary in result.output]


def test_no_canary_in_an_error(tmp_path: Path) -> None:
    objects = poisoned()
    objects[0]["status"]["allocatable"]["cpu"] = "lots"
    path = tmp_path / "x.json"
    path.write_bytes(SINGLE["list.json"](objects))
    result = CliRunner().invoke(main, ["survey", "--from", str(path)])
    assert result.exit_code == 2
    assert CANARY not in result.output
