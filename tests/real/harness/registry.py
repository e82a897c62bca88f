"""A real OCI registry on loopback: Debian's docker-registry, unpacked and not installed, so that no service starts."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import httpx2

from tests.client.authority import Pair
from tests.real.plane.plane import cache

ACCOUNT = "mirror"
PASSWORD = "not a secret: for tests"
_HASH = "$2b$05$abcdefghijklmnopqrstuu5PaKzfEAepjNseikg2S3xj/OMxBRgbe"
"""bcrypt of that password, which is all that docker-registry reads."""


class Unavailable(Exception):
    """No registry can be had here."""


def binary() -> Path:
    """The registry's binary: installed, or unpacked into the cache once. Raises Unavailable."""
    installed = shutil.which("docker-registry")
    if installed:
        return Path(installed)
    there = cache() / "docker-registry/usr/bin/docker-registry"
    if not there.exists():
        _unpack(there.parents[2])
    return there


def _unpack(target: Path) -> None:
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Unavailable("docker-registry is not installed, and there is no apt to fetch it with")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        fetched = subprocess.run(
            ["apt-get", "download", "-qq", "docker-registry"], cwd=folder, capture_output=True, text=True
        )
        packages = list(Path(folder).glob("*.deb"))
        if fetched.returncode or not packages:
            raise Unavailable(f"apt-get download docker-registry: {fetched.stderr.strip()[-200:] or 'nothing came'}")
        subprocess.run(["dpkg", "-x", str(packages[0]), f"{folder}/root"], check=True, capture_output=True)
        try:
            Path(folder, "root").rename(target)
        except OSError:
            if not target.is_dir():  # another run has just unpacked it
                raise


class LocalRegistry:
    """A running registry. With a certificate it speaks TLS and wants the account."""

    def __init__(self, folder: Path, pair: Pair | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.storage = folder / "storage"
        self.address = f"127.0.0.1:{self.port}"
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "config.yml"
        config.write_text(_config(self.address, self.storage, folder, pair))
        env = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen([binary(), "serve", config], stdout=log, stderr=log, env=env)
        self._wait(folder / "log")

    def _wait(self, log: Path) -> None:
        for _ in range(100):
            if self._process.poll() is not None:
                raise Unavailable(f"docker-registry ended at once: {log.read_text()[-300:]}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise Unavailable("docker-registry does not answer")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def raw(self, path: str, accept: str) -> httpx2.Response:
        """What the registry answers to a plain client, over HTTP."""
        return httpx2.get(f"http://{self.address}/v2/{path}", headers={"Accept": accept})


def _config(address: str, storage: Path, folder: Path, pair: Pair | None) -> str:
    text = f"version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: {storage}}}\n"
    text += f"http:\n  addr: {address}\n"
    if pair is None:
        return text
    certificate, key = pair.files(folder / "tls")
    (folder / "htpasswd").write_text(f"{ACCOUNT}:{_HASH}\n")
    text += f"  tls: {{certificate: {certificate}, key: {key}}}\n"
    return text + f"auth:\n  htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}\n"
