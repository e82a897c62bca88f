"""Real git repositories with branches as Renovate pushes them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

DAY_S = 86_400
START_S = 1_790_000_000

RELEASE = """apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: kyverno, namespace: kyverno}
spec:
  chart:
    spec: {chart: kyverno, version: %s, sourceRef: {kind: HelmRepository, name: kyverno}}
  values:
    image: {repository: ghcr.io/kyverno/kyverno, tag: %s}
"""
WORKLOAD = """apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  template:
    spec:
      containers:
      - {name: app, image: "registry.example.org:5000/shop:%s"}
      - {name: side, image: nginx}
"""


class Git:
    """One repository; every commit is a day after the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._now = START_S
        folder.mkdir()
        self("init", "-q", "-b", "main")

    def __call__(self, *argv: str) -> str:
        at = f"{self._now} +0000"
        names = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        return subprocess.run(
            ["git", "-C", str(self.folder), "-c", "commit.gpgsign=false", *argv],
            check=True,
            capture_output=True,
            text=True,
            env={
                **names,
                "GIT_AUTHOR_DATE": at,
                "GIT_COMMITTER_DATE": at,
                "PATH": os.environ["PATH"],
                "GIT_CONFIG_GLOBAL": "/dev/null",
                "GIT_CONFIG_SYSTEM": "/dev/null",
            },
        ).stdout

    def commit(self, title: str, files: dict[str, str]) -> None:
        """Write the files and commit them."""
        self._now += DAY_S
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self("add", "-A")
        self("commit", "-q", "-m", title)

    def branch(self, name: str, title: str, files: dict[str, str]) -> None:
        """A branch off main with one commit."""
        self("checkout", "-q", "-b", name, "main")
        self.commit(title, files)
        self("checkout", "-q", "main")


def platform_repository(folder: Path) -> Path:
    """A bare repository of a platform in which three updates wait, one is merged, and one cannot be read."""
    git = Git(folder / "work")
    git.commit(
        "Begin",
        {
            "kyverno/release.yaml": RELEASE % ("3.2.6", "v1.12.5"),
            "apps/shop.yaml": WORKLOAD % "1.0.0",
            "terraform.tf": "x",
        },
    )
    git.branch(
        "renovate/kyverno-3.x", "chore(deps): update kyverno to 3.5.2",
        {"kyverno/release.yaml": RELEASE % ("3.5.2", "v1.15.2")},
    )  # fmt: skip
    git.branch("renovate/shop", "chore(deps): update shop to 1.0.1", {"apps/shop.yaml": WORKLOAD % "1.0.1"})
    git.branch("renovate/terraform", "chore(deps): update terraform", {"terraform.tf": "y"})
    git.branch("renovate/broken", "chore(deps): update a template", {"apps/shop.yaml": "a: {{ .x }}: b\n"})
    git.branch("renovate/merged", "chore(deps): merged already", {"apps/other.yaml": WORKLOAD % "2.0.0"})
    git.branch("people/renovate-notes", "No update at all", {"notes.yaml": "image: nginx:2"})
    git("merge", "-q", "--ff-only", "renovate/merged")
    bare = folder / "platform.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(git.folder), str(bare)], check=True, capture_output=True)
    return bare
