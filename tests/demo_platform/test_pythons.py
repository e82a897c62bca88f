"""The demo on every Python that this machine has: it runs without a warning, and all of them dream the same night."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OLDEST, NEWEST = 11, 14
HERE = sys.version_info.minor
PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")


def _candidates(minor: int) -> Iterator[str]:
    on_path = shutil.which(f"python3.{minor}")
    yield from [on_path] if on_path else []
    yield from map(str, sorted(PYENV.glob(f"versions/3.{minor}.*/bin/python3")))


def _python(minor: int) -> str | None:
    """An interpreter of that minor that can make environments; a name that leads nowhere does not count."""
    check = f"import sys, venv; sys.exit(sys.version_info[:2] != (3, {minor}))"
    for path in _candidates(minor):
        if subprocess.run([path, "-c", check], capture_output=True).returncode == 0:
            return path
    return None


def _installed(python: str, folder: Path) -> str:
    """The product alone, as a user installs it, in an environment of that Python."""
    subprocess.run([python, "-m", "venv", str(folder)], check=True, capture_output=True)
    own = str(folder / "bin" / "python")
    done = subprocess.run(
        [own, "-m", "pip", "install", "-q", "--disable-pip-version-check", str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{python}: the product cannot be installed:\n{done.stderr[-2000:]}", pytrace=False)
    return own


def _night(python: str, folder: Path, **environment: str) -> tuple[str, str, str]:
    """The demo's plan and what was dreamt of it: (plan's digest, digest of all nights, verdict)."""
    folder.mkdir()
    done = subprocess.run(
        [python, "-W", "error", "-m", "shipkeeper", "demo", "--seeds", "5", "--speed", "0", "--out", "demo"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{python}: the demo fails\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    (forecast,) = (folder / "demo" / "state" / "forecasts").iterdir()
    told = json.loads(forecast.read_bytes())
    assert len(told["traceDigest"]) == 64
    return told["planDigest"], told["traceDigest"], told["verdict"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_python_here_runs_the_demo_and_dreams_the_same_night(tmp_path: Path) -> None:
    others = {minor: _python(minor) for minor in range(OLDEST, NEWEST + 1) if minor != HERE}
    found = {minor: path for minor, path in others.items() if path is not None}
    if not found:
        pytest.skip(f"no Python but 3.{HERE} is here to compare with")
    nights = {HERE: _night(sys.executable, tmp_path / "here", PYTHONPATH=str(ROOT / "src"))}
    for minor, path in found.items():
        nights[minor] = _night(_installed(path, tmp_path / f"env{minor}"), tmp_path / f"3.{minor}")
    shown = "\n".join(f"3.{minor}: {night}" for minor, night in sorted(nights.items()))
    assert len(set(nights.values())) == 1, f"a forecast made on one machine cannot be checked on another:\n{shown}"
    print(f"the same night on Python {', '.join(f'3.{minor}' for minor in sorted(nights))}")
