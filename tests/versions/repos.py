"""A real git repository, made here: releases as commits with tags, annotated or not, on the days asked for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ENV = {
    "PATH": os.environ.get("PATH", ""),
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "release manager",
    "GIT_AUTHOR_EMAIL": "releases@example.org",
    "GIT_COMMITTER_NAME": "release manager",
    "GIT_COMMITTER_EMAIL": "releases@example.org",
}


class Project:
    """A repository that grows release by release."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *argv: str, day: str = "2024-01-01") -> str:
        when = f"{day}T12:00:00Z"
        env = ENV | {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        done = subprocess.run(["git", *argv], cwd=self.folder, env=env, capture_output=True, text=True, check=True)
        return done.stdout

    def write(self, files: dict[str, str | bytes | None], executable: tuple[str, ...] = ()) -> None:
        """Write files, or remove those whose text is None."""
        for name, text in files.items():
            path = self.folder / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            path.chmod(0o755 if name in executable else 0o644)

    def release(
        self,
        tag: str,
        day: str,
        files: dict[str, str | bytes | None] | None = None,
        *,
        executable: tuple[str, ...] = (),
        annotated: bool = False,
    ) -> None:
        """Commit the files and tag the commit."""
        self.write(files or {}, executable)
        self.git("add", "-A", day=day)
        self.git("commit", "-q", "--allow-empty", "-m", f"Release {tag}", day=day)
        self.git("tag", *(["-a", "-m", tag] if annotated else []), tag, day=day)
