"""Rows for the supplement from the tags of a git checkout."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from .errors import GeneratorError

MOST = 16


def rows(checkout: Path, pattern: str = r"v?(\d+)\.(\d+)\.(\d+)", most: int = MOST) -> list[str]:
    """One YAML row a minor, newest first. ``pattern``: its groups are the numbers of a release's tag."""
    asked = ["git", "-C", str(checkout), "for-each-ref", "refs/tags", "--format=%(refname:short) %(creatordate:short)"]
    done = subprocess.run(asked, capture_output=True, text=True)
    if done.returncode:
        raise GeneratorError(f"{checkout}: {done.stderr.strip()}")
    minors: dict[tuple[int, ...], list[tuple[tuple[int, ...], str]]] = {}
    for line in done.stdout.splitlines():
        tag, _, day = line.partition(" ")
        match = re.fullmatch(pattern, tag)
        if match:
            key = tuple(map(int, match.groups()))
            minors.setdefault(key[:2], []).append((key, day))
    made = []
    for minor in sorted(minors, reverse=True)[:most]:
        releases = sorted(minors[minor])
        latest = ".".join(map(str, releases[-1][0]))
        name = ".".join(map(str, minor))
        made.append(f'["{name}", "{releases[0][1]}", "", "", "{latest}", "{releases[-1][1]}"]')
    return made
