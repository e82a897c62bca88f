"""`scripts/controlplane`: where binaries come from, what is refused, and whose processes end."""

from __future__ import annotations

import fcntl
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import time
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
    breaks_off_at: int | None = None

    def do_GET(self) -> None:
        answer = self.published.encode() if self.path.endswith(".sha256") else self.body
        type(self).downloads += not self.path.endswith(".sha256")
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer if answer != self.body else answer[: self.breaks_off_at])

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
    assert not list(tmp_path.glob(".shipkeeper-partial-*")), "nothing half-made is left"


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


def test_a_download_that_breaks_off_is_no_sign_of_tampering(
    tmp_path: Path, releases: tuple[type[Releases], str]
) -> None:
    handler, url = releases
    handler.breaks_off_at = 10
    fake_cache(tmp_path, **{"kube-apiserver": ""})
    environment = {"SHIPKEEPER_CONTROLPLANE_SOURCES": "release", "SHIPKEEPER_KUBERNETES_RELEASES": url}
    done = run(tmp_path, "build", **environment)
    assert done.returncode == 3, "the next source may have it"
    assert f"broke off after 10 of {len(handler.body)} bytes" in done.stderr
    assert not (tmp_path / f"kube-apiserver-{KUBERNETES}").exists(), "half a binary counts as one"
    handler.breaks_off_at = None
    assert run(tmp_path, "build", **environment).returncode == 0, "the next attempt must not trip over the last"


def test_what_a_killed_build_left_behind_is_cleared_away_and_nothing_else(
    tmp_path: Path, releases: tuple[type[Releases], str]
) -> None:
    _, url = releases
    fake_cache(tmp_path, **{"kube-apiserver": ""})
    fake(tmp_path / ".shipkeeper-partial-x1y2", "kube-apiserver", "half")
    fake(tmp_path / ".somebody-else", "file", "1")
    environment = {"SHIPKEEPER_CONTROLPLANE_SOURCES": "release", "SHIPKEEPER_KUBERNETES_RELEASES": url}
    assert run(tmp_path, "build", **environment).returncode == 0
    assert not list(tmp_path.glob(".shipkeeper-partial-*")), "hundreds of megabytes stay for ever"
    assert (tmp_path / ".somebody-else" / "file").exists()


def fake_go(folder: Path, version: str, toolchain: str, download: dict[str, str], exit_code: int = 0) -> str:
    """A go command that knows its version and one answer to `go mod download`; gives a PATH with it."""
    folder.mkdir(parents=True)
    go = folder / "go"
    go.write_text(
        "#!/bin/sh\n"
        f"case \"$1 $2\" in\n'env GOVERSION') printf '%s\\n' '{version}' '{toolchain}';;\n"
        f"'mod download') echo '{json.dumps(download)}'; exit {exit_code};;\n"
        '*) echo "fake go: $1 $2" >&2; exit 1;;\nesac\n'
    )
    go.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize(
    ("version", "toolchain", "code", "told"),
    [
        ("go1.20.3", "", 3, "needs go 1.26.0 or later, here is 1.20.3: install a newer one"),
        ("go1.22.5", "local", 3, "here is 1.22.5: install a newer one, or set GOTOOLCHAIN=auto"),
        ("go1.22.5", "auto", 1, "fake go: mod tidy"),
        ("go1.26.0", "local", 1, "fake go: mod tidy"),
        ("devel go1.27-0123abc Tue Nov 3", "local", 1, "fake go: mod tidy"),
    ],
    ids=["before toolchains", "kept to itself", "fetches a newer one", "just enough", "a development version"],
)
def test_a_go_that_is_too_old_cannot_have_it_unless_it_fetches_a_newer_one(
    tmp_path: Path, version: str, toolchain: str, code: int, told: str
) -> None:
    (tmp_path / "go.mod").write_text("module x\n\ngo 1.26.0\n")
    path = fake_go(tmp_path / "bin", version, toolchain, {"GoMod": str(tmp_path / "go.mod"), "Dir": str(tmp_path)})
    done = run(tmp_path / "cache", "build", SHIPKEEPER_CONTROLPLANE_SOURCES="modules", PATH=path)
    assert done.returncode == code, done.stderr
    assert told in done.stderr


def test_why_a_module_cannot_be_had_is_told_in_go_s_words(tmp_path: Path) -> None:
    why = "go.etcd.io/etcd/server/v3@v3.6.16: dial tcp: lookup proxy.golang.org: no such host"
    path = fake_go(tmp_path / "bin", "go1.26.0", "local", {"Path": "x", "Version": "y", "Error": why}, 1)
    done = run(tmp_path / "cache", "build", SHIPKEEPER_CONTROLPLANE_SOURCES="modules", PATH=path)
    assert done.returncode == 3, done.stderr
    assert done.stderr.rstrip().endswith(why), "go tells it as JSON, whose last line is a brace"


def test_a_build_that_is_ended_takes_its_compiler_with_it(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    go = tmp_path / "bin" / "go"
    go.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid.new\nmv {tmp_path}/pid.new {tmp_path}/pid\nexec sleep 60\n")
    go.chmod(0o755)
    environment = {"SHIPKEEPER_CONTROLPLANE_SOURCES": "modules", "SHIPKEEPER_CACHE": str(tmp_path / "cache")}
    path = f"{go.parent}{os.pathsep}{os.environ['PATH']}"
    build = subprocess.Popen(
        [sys.executable, str(SCRIPT), "build"], env={**os.environ, **environment, "PATH": path}, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 30
    while not (tmp_path / "pid").exists() and time.monotonic() < until:
        time.sleep(0.05)
    compiler = int((tmp_path / "pid").read_text())
    build.terminate()
    _, told = build.communicate(timeout=30)
    assert build.returncode == 130
    assert b"interrupted" in told
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(compiler)], capture_output=True, text=True, check=False
    ).stdout
    assert not state.strip() or state.startswith("Z"), "it goes on compiling for minutes, for nobody"
    assert not list((tmp_path / "cache").glob(".shipkeeper-partial-*"))


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(tmp_path / "file" / "cache", "build")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "SHIPKEEPER_CACHE" in done.stderr, "what to do next"


def test_a_second_start_or_stop_in_a_folder_waits_for_the_first(tmp_path: Path) -> None:
    home = tmp_path / "plane"
    home.mkdir()
    (home / "state.json").write_text(json.dumps({"processes": [], "ready": True}))
    with (home / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = subprocess.Popen([sys.executable, str(SCRIPT), "stop", "--dir", str(home)], stdout=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(1)
        assert (home / "state.json").exists(), "two starts at once leave processes that nobody knows"
    assert second.communicate(timeout=30)
    assert second.returncode == 0
    assert not (home / "state.json").exists()


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_state_that_is_none_says_what_may_still_run(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    for verb in ("stop", "start", "status"):
        done = run(tmp_path, verb, "--dir", str(tmp_path))
        assert done.returncode == 1, done.stderr
        assert "is not a plane's state" in done.stderr
        assert f"pgrep -af {tmp_path}" in done.stderr


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
