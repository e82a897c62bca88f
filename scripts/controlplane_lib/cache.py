"""The cache outside the clone: `<cache>/<component>-<version>/<component>`.

An entry appears whole or not at all: it is made in a temporary folder beside it and renamed. Two
builds at once are kept apart by a lock file, so the second finds what the first has built.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .versions import Component

RECORD = "origin.json"
_PARTIAL = ".shipkeeper-partial-"


def root() -> Path:
    """Where built and downloaded binaries are kept; `SHIPKEEPER_CACHE` moves it."""
    configured = os.environ.get("SHIPKEEPER_CACHE")
    if configured:
        return Path(configured).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    home = Path(base) if base else Path.home() / ".cache"
    return home / "shipkeeper" / "controlplane"


def binary(component: Component) -> Path | None:
    """The cached binary, or None. An entry without its record is not counted."""
    folder = root() / component.key
    path = folder / component.name
    if (folder / RECORD).is_file() and os.access(path, os.X_OK):
        return path
    return None


def stages_folder(component: Component) -> Path:
    """Where the official stage files of kwok lie once it was built from its module."""
    return root() / component.key / "stages"


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """Hold the cache's lock; says so when another process has it."""
    folder = root()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another build to end", file=sys.stderr, flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        for left in folder.glob(f"{_PARTIAL}*"):  # of a build that was killed: nobody else makes any without the lock
            shutil.rmtree(left, ignore_errors=True)
        yield


def partial() -> Path:
    """A new folder in the cache for something half-made; only under the lock."""
    return Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=root()))


@contextlib.contextmanager
def workspace() -> Iterator[Path]:
    """A temporary folder on the cache's own file system, removed at the end; only under the lock."""
    made = partial()
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    hasher = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(1 << 20):
            hasher.update(chunk)
    return hasher.hexdigest()


def place(component: Component, made: Path, origin: str, extra: Path | None = None) -> Path:
    """Move a finished binary (and a folder of stages) into the cache under its key."""
    final = root() / component.key
    staging = partial()
    target = staging / component.name
    shutil.move(str(made), target)
    target.chmod(0o755)
    if extra is not None:
        shutil.copytree(extra, staging / "stages", copy_function=shutil.copyfile)
    record = {
        "component": component.name,
        "version": component.version,
        "origin": origin,
        "sha256": digest(target),
    }
    (staging / RECORD).write_text(json.dumps(record, indent=1) + "\n")
    staging.chmod(0o755)
    if final.exists():
        shutil.rmtree(final)
    staging.rename(final)
    return final / component.name
