"""Proposed updates as a team has them: a git server, a bot that pushes to it, and a checkout that fetches from it."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from shipkeeper.cli.main import main
from tests.classing.repos import RELEASE, WORKLOAD, platform_repository
from tests.real.conftest import not_here

pytestmark = pytest.mark.real
PATIENCE_S = 20


def git(folder: Path, *argv: str) -> str:
    names = ["-c", "user.name=x", "-c", "user.email=x"]
    return subprocess.run(["git", "-C", str(folder), *names, *argv], check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """A git server over every repository of the folder, on loopback. Gives its URL."""
    if shutil.which("git") is None or not (Path(git(folder, "--exec-path").strip()) / "git-daemon").exists():
        not_here("no git server: git here has no daemon")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--listen=127.0.0.1", f"--port={port}", "--reuseaddr", "--export-all", "--enable=receive-pack"]
    server = subprocess.Popen(["git", "daemon", *words, f"--base-path={folder}", str(folder)], stderr=subprocess.PIPE)
    try:
        until = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if server.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"the git server does not answer: {server.poll()}")
            time.sleep(0.05)
        yield f"git://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.communicate(timeout=PATIENCE_S)


def waiting(checkout: Path, state: Path) -> dict[str, tuple[str, str, str]]:
    """Dependency → (version now, version proposed, class), as the verb tells it."""
    args = ["classify", "--updates", str(checkout), "--state", str(state), "-o", "json"]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0, result.stderr
    return {
        item["dependency"]: (item["current"], item["proposed"], item["change"]["class"])
        for item in json.loads(result.stdout)["items"]
    }


@pytest.mark.requirement("R-B6")
def test_what_a_bot_pushes_to_a_server_waits_until_it_is_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bare = platform_repository(tmp_path)
    with served(tmp_path) as url:
        bot, checkout = tmp_path / "work", tmp_path / "checkout"
        git(tmp_path, "clone", "-q", f"{url}/{bare.name}", str(checkout))
        first = waiting(checkout, tmp_path / "state")
        assert first["kyverno"] == ("3.2.6", "3.5.2", "minor")
        assert "nginx" not in first

        git(bot, "checkout", "-q", "-b", "renovate/cert-manager", "main")
        (bot / "cert-manager.yaml").write_text(RELEASE.replace("kyverno", "cert-manager") % ("1.18.0", "v1.18.0"))
        (bot / "apps/shop.yaml").write_text(WORKLOAD % "1.0.2")
        git(bot, "add", "-A")
        git(bot, "commit", "-q", "-m", "chore(deps): update shop to 1.0.2")
        git(bot, "push", "-q", f"{url}/{bare.name}", "renovate/cert-manager", ":renovate/shop")
        assert waiting(checkout, tmp_path / "state") == first, "reading a checkout asked its server"

        git(checkout, "fetch", "-q", "--prune")
        then = waiting(checkout, tmp_path / "state")
        assert then["registry.example.org:5000/shop"] == ("1.0.0", "1.0.2", "minor"), then

        git(bot, "push", "-q", f"{url}/{bare.name}", "renovate/cert-manager:main")
        git(checkout, "fetch", "-q", "--prune")
        after = waiting(checkout, tmp_path / "state")
        assert "registry.example.org:5000/shop" not in after, "what is merged still waits"
        assert after["kyverno"][1] == "3.5.2", "another branch was taken for merged"
