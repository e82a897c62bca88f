"""Bundles of facts through a real OCI registry: published here, installed there, and nothing taken on trust."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipkeeper.app.knowledge_registry import MEDIA_TYPE
from shipkeeper.integrations.oci.reference import parse_reference
from shipkeeper.integrations.oci.registry import MANIFEST, Registry
from shipkeeper.model.errors import BadInput, Unauthenticated, Unreachable
from shipkeeper.ports.secrets import Secret
from tests.client.authority import Authority
from tests.real.conftest import not_here
from tests.real.harness.registry import ACCOUNT, PASSWORD, LocalRegistry, Unavailable

pytestmark = pytest.mark.real
BLOB = b'{"facts": 1}'


def start(folder: Path, authority: Authority | None = None) -> LocalRegistry:
    try:
        return LocalRegistry(folder, authority.leaf("registry", names=("localhost",)) if authority else None)
    except Unavailable as gone:
        not_here(f"no real OCI registry: {gone}")


@pytest.fixture(scope="module")
def open_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRegistry]:
    found = start(tmp_path_factory.mktemp("open"))
    yield found
    found.stop()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.make("registry test")


@pytest.fixture(scope="module")
def closed_registry(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[LocalRegistry]:
    found = start(tmp_path_factory.mktemp("closed"), authority)
    yield found
    found.stop()


def run(folder: Path, *words: str, fails: int = 0, **env: str) -> dict:
    """The program itself, in a folder with a state and settings of its own."""
    own = {"SHIPKEEPER_STATE": str(folder / "state"), "SHIPKEEPER_CONFIG": str(folder / "config"), **env}
    done = subprocess.run(
        [sys.executable, "-m", "shipkeeper", "knowledge", *words, "-o", "json"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **own},
    )
    assert done.returncode == fails, done.stderr
    return json.loads(done.stderr if fails else done.stdout)


def test_a_bundle_goes_from_one_machine_to_another(open_registry: LocalRegistry, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    name = f"oci://{open_registry.address}/platform/knowledge:2026-11"
    run(here, "pack", "--out", "k.json", "--at", "2026-11-24T10:00:00Z", "--title", "November")
    make_key = [sys.executable, "-m", "shipkeeper", "evidence", "key", "--out", "pub.pem", "--state", "state"]
    subprocess.run(make_key, cwd=here, check=True)
    pushed = run(here, "push", "k.json", name, "--key", "pub.pem", "--plain-http")
    raw = open_registry.raw("platform/knowledge/manifests/2026-11", MANIFEST)
    assert f"sha256:{hashlib.sha256(raw.content).hexdigest()}" == pushed["artefactDigest"], "other clients see another"
    assert raw.json()["layers"][0]["mediaType"] == MEDIA_TYPE

    (there / "pub.pem").write_bytes((here / "pub.pem").read_bytes())
    fetched = run(there, "update", name, "--key", "pub.pem", "--pin", "--plain-http")
    assert (fetched["result"], fetched["title"]) == ("installed", "November")
    assert (there / "state/knowledge.json").read_bytes() == (here / "k.json").read_bytes()
    exact = f"oci://{open_registry.address}/platform/knowledge@{pushed['artefactDigest']}"
    again = run(there, "update", exact, "--plain-http")
    assert again["result"] == "installed already, nothing changed"
    assert run(there, "show")["installedIssued"] == "2026-11-24T10:00:00Z"


def test_the_guide_really_runs(open_registry: LocalRegistry, tmp_path: Path) -> None:
    """Every command of the guide, in its order, from an empty folder."""
    guide = Path(__file__).resolve().parents[2] / "docs/guides/air-gapped-knowledge.md"
    commands = [line[2:] for line in guide.read_text().splitlines() if line.startswith("$ ")]
    assert len(commands) >= 6
    row = {"cveID": "CVE-2025-1974", "dateAdded": "2026-11-20"}
    kev = {"dateReleased": "2026-11-20T00:00:00Z", "vulnerabilities": [row]}
    (tmp_path / "kev.json").write_text(json.dumps(kev))
    own = {"SHIPKEEPER_STATE": str(tmp_path / "state"), "SHIPKEEPER_CONFIG": str(tmp_path / "config")}
    for command in commands:
        words = shlex.split(command.replace("localhost:5000", open_registry.address))
        assert words[0] == "shipkeeper"
        asked = [sys.executable, "-m", *words]
        done = subprocess.run(asked, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, **own})
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert "installed" in done.stdout


def test_a_blob_that_was_changed_in_the_registry_is_refused(open_registry: LocalRegistry) -> None:
    name = f"oci://{open_registry.address}/tampered:1"
    with Registry(parse_reference(name), plain_http=True) as registry:
        registry.push(BLOB, MEDIA_TYPE, {})
        stored = [path for path in open_registry.storage.rglob("data") if path.read_bytes() == BLOB]
        assert stored
        stored[0].write_bytes(BLOB.replace(b"1", b"2"))
        with pytest.raises(BadInput) as caught:
            registry.pull(MEDIA_TYPE, 1 << 20)
    assert caught.value.code == "digest-mismatch"


def test_what_is_not_there_is_said(open_registry: LocalRegistry, tmp_path: Path) -> None:
    name = f"oci://{open_registry.address}/nothing:1"
    with Registry(parse_reference(name), plain_http=True) as registry, pytest.raises(BadInput) as caught:
        registry.pull(MEDIA_TYPE, 1 << 20)
    assert "nothing of that name" in caught.value.hint
    with Registry(parse_reference(name)) as registry, pytest.raises(Unreachable) as caught:
        registry.pull(MEDIA_TYPE, 1 << 20)
    assert "TLS" in caught.value.hint


def test_tls_and_an_account_are_asked_for_and_used(
    closed_registry: LocalRegistry, authority: Authority, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority.pem)
    reference = parse_reference(f"oci://localhost:{closed_registry.port}/closed:1")
    with Registry(reference) as registry, pytest.raises(Unreachable) as stranger:
        registry.pull(MEDIA_TYPE, 1 << 20)
    assert "--ca" in stranger.value.hint
    with Registry(reference, ca=ca) as registry, pytest.raises(Unauthenticated) as nobody:
        registry.pull(MEDIA_TYPE, 1 << 20)
    assert "--password-from" in nobody.value.hint
    with (
        Registry(reference, ca=ca, username=ACCOUNT, password=Secret("wrong")) as registry,
        pytest.raises(Unauthenticated),
    ):
        registry.pull(MEDIA_TYPE, 1 << 20)
    with Registry(reference, ca=ca, username=ACCOUNT, password=Secret(PASSWORD)) as registry:
        made = registry.push(BLOB, MEDIA_TYPE, {})
        assert registry.pull(MEDIA_TYPE, 1 << 20) == (BLOB, made)
