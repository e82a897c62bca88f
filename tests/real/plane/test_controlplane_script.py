"""`scripts/controlplane`: where binaries come from, what is refused, and whose processes end."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.plane.plane import SCRIPT

KUBERNETES = "v1.36.3"
FAKE = "#!/bin/sh\necho {name} {version}\n"


def run(cache: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    base = {key: value for key, value in os.environ.items() if key != "KUBEBUILDER_ASSETS"}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**base, "SHIPKEEPER_CACHE": str(cache), **environment},
    )


def fake(folder: Path, name: str, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(FAKE.format(name=name, version=version))
    path.chmod(0o755)
    return path


def fake_cache(cache: Path, **versions: str) -> None:
    """A cache with every component but the ones named with version ''."""
    pinned = {"etcd": "v3.6.16", "kwok": "v0.8.0"}
    names = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
    for name in (*names, "kwok"):
        if versions.get(name) == "":
            continue
        version = pinned.get(name, KUBERNETES)
        folder = cache / f"{name}-{version}"
        fake(folder, name, version)
        (folder / "origin.json").write_text("{}")


class Releases(http.server.BaseHTTPRequestHandler):
    """Serves one binary and its published checksum; counts downloads."""

    body = FAKE.format(name="kube-apiserver", version=KUBERNETES).encode()
    published = hashlib.sha256(body).hexdigest()
    downloads = 0

    def do_GET(self) -> None:
        answer = self.published.encode() if self.path.endswith(".sha256") else self.body
        type(self).downloads += not self.path.endswith(".sha256")
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def releases() -> Iterator[tuple[type[Releases], str]]:
    handler = type("Handler", (Releases,), {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield handler, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_no_source_ends_with_code_3_and_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "build", SHIPKEEPER_CONTROLPLANE_SOURCES="assets")
    assert done.returncode == 3, "a suite skips on 3 only"
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "cannot be had here" in done.stderr


def test_without_go_a_missing_component_is_unavailable_not_broken(tmp_path: Path) -> None:
    done = run(tmp_path, "build", SHIPKEEPER_CONTROLPLANE_SOURCES="modules", PATH=str(tmp_path / "none"))
    assert done.returncode == 3, done.stderr
    assert "no go command" in done.stderr


def test_assets_of_another_minor_are_named_and_not_used(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    fake_cache(cache)
    assets = tmp_path / "assets"
    fake(assets, "kube-apiserver", "v1.31.0")
    right = fake(assets, "etcd", "3.6.4")
    done = run(cache, "paths", KUBEBUILDER_ASSETS=str(assets))
    answer = json.loads(done.stdout)
    assert answer["binaries"]["etcd"] == str(right), "same minor: the given binary comes first"
    assert answer["origins"]["kube-apiserver"] == "cache"
    assert "is 1.31.0, wanted v1.36.3" in done.stderr


def test_a_cache_entry_without_its_record_does_not_count(tmp_path: Path) -> None:
    fake_cache(tmp_path)
    (tmp_path / f"kubectl-{KUBERNETES}" / "origin.json").unlink()
    answer = json.loads(run(tmp_path, "paths").stdout)
    assert answer["missing"] == [f"kubectl-{KUBERNETES}"]


def test_two_builds_at_once_download_once(tmp_path: Path, releases: tuple[type[Releases], str]) -> None:
    handler, url = releases
    fake_cache(tmp_path, **{"kube-apiserver": ""})
    environment = {
        "SHIPKEEPER_CONTROLPLANE_SOURCES": "release",
        "SHIPKEEPER_KUBERNETES_RELEASES": url,
    }
    ended: list[subprocess.CompletedProcess[str]] = []
    threads = [threading.Thread(target=lambda: ended.append(run(tmp_path, "build", **environment))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.returncode for done in ended] == [0, 0], [done.stderr for done in ended]
    assert handler.downloads == 1, "the second build must find what the first has made"
    record = json.loads((tmp_path / f"kube-apiserver-{KUBERNETES}" / "origin.json").read_text())
    assert record["sha256"] == handler.published
    assert not list(tmp_path.glob(".build-*")), "nothing half-made is left"


def test_a_download_that_is_not_what_was_published_is_refused(
    tmp_path: Path, releases: tuple[type[Releases], str]
) -> None:
    handler, url = releases
    handler.published = "0" * 64
    fake_cache(tmp_path, **{"kube-apiserver": ""})
    done = run(
        tmp_path,
        "build",
        SHIPKEEPER_CONTROLPLANE_SOURCES="release",
        SHIPKEEPER_KUBERNETES_RELEASES=url,
    )
    assert done.returncode == 1, "tampering is a failure, never a reason to skip"
    assert "SHA-256" in done.stderr
    assert not (tmp_path / f"kube-apiserver-{KUBERNETES}").exists()


def test_stop_leaves_a_process_alone_that_only_has_the_same_id(tmp_path: Path) -> None:
    home = tmp_path / "plane"
    home.mkdir()
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        record = {"name": "etcd", "pid": bystander.pid, "startedAt": "1", "log": ""}
        (home / "state.json").write_text(json.dumps({"processes": [record], "ready": True}))
        done = run(tmp_path, "stop", "--dir", str(home))
        assert done.returncode == 0, done.stderr
        assert bystander.poll() is None, "a process that is not ours was ended"
        assert not (home / "state.json").exists()
    finally:
        bystander.kill()
        bystander.wait()


def test_status_of_nothing_says_so(tmp_path: Path) -> None:
    done = run(tmp_path, "status", "--dir", str(tmp_path / "none"))
    assert done.returncode == 1
    assert json.loads(done.stdout)["running"] is False
