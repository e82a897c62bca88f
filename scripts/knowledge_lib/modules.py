"""Modules with the types of Kubernetes' APIs, through the Go module proxy, in Go's own cache outside the clone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .errors import GeneratorError, Unavailable

MODULE = "k8s.io/api"
BESIDE = ("k8s.io/apiextensions-apiserver", "k8s.io/kube-aggregator")
PAUSE_SECONDS = 0.5
"""Between two downloads: the proxy is everybody's."""


def tags(minors: Sequence[int]) -> Iterator[tuple[int, Path]]:
    """(minor, folder) of the first release of k8s.io/api of each of these minors."""
    with _Modules() as modules:
        for minor in minors:
            yield minor, modules.folder(MODULE, minor)


def others(minor: int) -> list[Path]:
    """Folders of the modules beside k8s.io/api that have APIs of their own, at the first release of a minor."""
    with _Modules() as modules:
        return [modules.folder(module, minor) for module in BESIDE]


class _Modules:
    """Fetches modules into Go's cache. Raises Unavailable without Go, or where the proxy cannot be reached."""

    def __enter__(self) -> _Modules:
        if shutil.which("go") is None:
            raise Unavailable("go is not installed; it fetches the modules")
        self._cached = Path(_go(["env", "GOMODCACHE"], Path.cwd()).strip())
        self._work = tempfile.TemporaryDirectory()
        return self

    def __exit__(self, *_: object) -> None:
        self._work.cleanup()

    def folder(self, module: str, minor: int) -> Path:
        """Where that module's first release of a minor lies."""
        there = self._cached / f"{module}@v0.{minor}.0"
        half = self._cached / f"cache/download/{module}/@v/v0.{minor}.0.partial"  # how go marks what it is unpacking
        if there.is_dir() and not half.exists():
            return there
        time.sleep(PAUSE_SECONDS)
        told = json.loads(_go(["mod", "download", "-json", f"{module}@v0.{minor}.0"], Path(self._work.name)))
        return Path(told["Dir"])


def _go(words: list[str], folder: Path) -> str:
    env = {**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GO111MODULE": "on"}
    done = subprocess.run(["go", *words], cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        told = (done.stderr or done.stdout).strip()
        kind = Unavailable if "no such host" in told or "dial tcp" in told else GeneratorError
        raise kind(f"go {' '.join(words)}: {told}")
    return done.stdout
