"""A repository read through the ``git`` program. Argument lists only, plumbing commands only, never the network.

A checkout may come from anybody, and its configuration may name programs to run. What is used here runs none of them:
no hooks, no filters, no pager, no fetch of missing objects.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from shipkeeper.model.errors import BadInput, Failed, MissingExtra
from shipkeeper.ports.repository import Branch, Divergence, Tag, TreeFile

LARGEST = 8 * 1024 * 1024
"""Bytes. A text that a person is to read is smaller."""

UNKNOWN = -1
"""Size of a file whose object cannot be read."""

_PATIENCE_S = 60
_QUIET = (
    "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never",
    "-c", "core.quotePath=false",
)  # fmt: skip
_LISTED = ("-z", "-l", "--full-tree")
_PASSED = ("PATH", "HOME", "LANG", "TMPDIR", "XDG_CONFIG_HOME")


class GitRepository:
    """One repository. Make it with ``open_repository``."""

    def __init__(self, folder: Path, environ: Mapping[str, str], git: str = "git") -> None:
        self._folder = folder
        self._git = git
        self._environ = {key: environ[key] for key in _PASSED if key in environ} | {
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_LITERAL_PATHSPECS": "1",
        }

    @property
    def place(self) -> str:
        """Where it is."""
        return str(self._folder)

    def tags(self) -> tuple[Tag, ...]:
        """All tags, by name."""
        return tuple(Tag(name.removeprefix("refs/tags/"), at) for name, at, *_ in self._refs("refs/tags"))

    def branches(self) -> tuple[Branch, ...]:
        """All branches, those of remotes included."""
        found = []
        for name, at, commit, subject in self._refs("refs/heads", "refs/remotes"):
            short = name.removeprefix("refs/heads/").removeprefix("refs/remotes/")
            if not short.endswith("/HEAD"):
                found.append(Branch(short, at, commit, subject))
        return tuple(found)

    def files(self, revision: str, folder: str = "") -> tuple[TreeFile, ...]:
        """Files under a folder at a revision. A folder that is not there has none."""
        commit = self._resolve(revision)
        out = self._run("ls-tree", "-r", *_LISTED, commit, *(["--", f"{folder.strip('/')}/"] if folder else []))
        return _files(out)

    def read(self, revision: str, path: str) -> bytes | None:
        """A file's bytes at a revision; None when there is none."""
        commit = self._resolve(revision)
        here = next(
            (file for file in _files(self._run("ls-tree", *_LISTED, commit, "--", path)) if file.path == path), None
        )
        if here is None:
            return None
        if here.size == UNKNOWN:
            raise _failed(self._folder, ("cat-file",), f"{path} at {revision} is damaged or was left out".encode())
        if here.size > LARGEST:
            raise BadInput(
                f"{path} at {revision} has {here.size:,} bytes; texts of up to {LARGEST:,} are read",
                code="text-too-large",
                object=path,
                why="nobody can say they have read it",
                hint="look at it by hand: git show " + f"{revision}:{path}",
            )
        return self._run("cat-file", "blob", f"{commit}:{path}")

    def changes(self, base: str, revision: str) -> Divergence:
        """What a branch changes against another one, since they parted."""
        ours, theirs = self._resolve(base), self._resolve(revision)
        done = self._start("merge-base", ours, theirs)
        if done.returncode == 1 and not done.stderr:
            return Divergence("", ())
        if done.returncode:
            raise _failed(self._folder, ("merge-base",), done.stderr)
        fork = done.stdout.decode().split()[0]
        quiet = ("--no-ext-diff", "--no-textconv", "--no-renames", "--name-only", "-r", "-z")
        out = self._run("diff-tree", *quiet, fork, theirs)
        return Divergence(fork, tuple(sorted(os.fsdecode(path) for path in out.split(b"\0") if path)))

    def _refs(self, *under: str) -> list[tuple[str, int, str, str]]:
        form = "%(refname)%00%(creatordate:unix)%00%(objectname)%00%(contents:subject)%00"
        out = self._run("for-each-ref", f"--format={form}", *under)
        found = []
        fields = out.split(b"\0")
        for start in range(0, len(fields) - 4, 4):
            name, at, commit, subject = (os.fsdecode(part).lstrip("\n") for part in fields[start : start + 4])
            found.append((name, int(at or 0) * 1000, commit, subject))
        return found

    def _resolve(self, revision: str) -> str:
        """The commit that a revision names. Raises BadInput when there is none."""
        done = self._start("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if done.returncode:
            raise BadInput(
                f"{self._folder} has no {revision.removeprefix('refs/tags/')}",
                code="no-such-revision",
                object=revision,
                why="release notes are read as they were at that release, not as they are on a branch",
                hint=f"fetch the tags first: git -C {self._folder} fetch --tags",
            )
        return done.stdout.decode().strip()

    def _run(self, *argv: str) -> bytes:
        done = self._start(*argv)
        if done.returncode:
            raise _failed(self._folder, argv, done.stderr)
        return done.stdout

    def _start(self, *argv: str) -> subprocess.CompletedProcess[bytes]:
        whole = [self._git, "--no-pager", *_QUIET, "-C", str(self._folder), *argv]
        try:
            return subprocess.run(
                whole,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                env=self._environ,
                timeout=_PATIENCE_S,
                check=False,
            )
        except FileNotFoundError as error:
            raise MissingExtra(
                "the git program is not installed, or not on PATH",
                code="no-git",
                why="tags and files at a tag are read through it",
                hint="install git, or give releases and notes as files: --releases FILE, --notes FILE",
            ) from error
        except subprocess.TimeoutExpired as error:
            raise Failed(
                f"git {argv[0]} in {self._folder} did not end within {_PATIENCE_S} s",
                code="git-failed",
                object=str(self._folder),
                hint="look at the repository: git fsck",
            ) from error


def _files(listed: bytes) -> tuple[TreeFile, ...]:
    """Files of a listing by ``ls-tree -z -l``; links and submodules are none."""
    found = []
    for record in filter(None, listed.split(b"\0")):
        head, _, path = record.partition(b"\t")
        mode, kind, _, size = head.split()
        if kind == b"blob" and mode != b"120000":
            # The size of an object that is damaged or was left out is the word BAD.
            found.append(TreeFile(os.fsdecode(path), mode == b"100755", int(size) if size.isdigit() else UNKNOWN))
    return tuple(sorted(found))


def open_repository(folder: str | Path, environ: Mapping[str, str]) -> GitRepository:
    """The repository in that folder, a checkout or a bare one. Raises BadInput when it is none that git opens."""
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise BadInput(
            f"{folder} is not a folder",
            code="not-a-repository",
            object=str(folder),
            hint="name the folder of a git checkout",
        )
    repository = GitRepository(path, environ)
    done = repository._start("rev-parse", "--git-dir")
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        owner = any("dubious ownership" in line for line in said)
        raise BadInput(
            f"{folder} is not a git repository that can be read here" + (f": {said[0]}" if said else ""),
            code="not-a-repository",
            object=str(folder),
            hint="it belongs to another user, and git refuses it until it is named in safe.directory: "
            f"git config --global --add safe.directory {path.resolve()}"
            if owner
            else "name the folder of a git checkout; a downloaded archive has no tags",
        )
    return repository


def _failed(folder: Path, argv: tuple[str, ...], stderr: bytes) -> Failed:
    said = stderr.decode(errors="replace").strip().splitlines()
    return Failed(
        f"git {argv[0]} failed in {folder}: {said[-1][:300] if said else 'it says nothing'}",
        code="git-failed",
        object=str(folder),
        why="what the repository holds is not known",
        hint="objects that were left out when it was cloned are not fetched here: clone it whole, then try again",
    )
