"""From branches to proposed updates: what each changes against the branch that it would be merged into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from shipkeeper.integrations.renovate.pins import pins_of
from shipkeeper.model.errors import BadInput
from shipkeeper.model.facts import ProposedUpdate
from shipkeeper.ports.repository import Branch, Repository

PREFIX = "renovate/"
_READ = (".yaml", ".yml", ".json")
_BASES = ("main", "master")

Parse = Callable[[bytes, str], Iterator[Any]]


class Proposals(Struct, frozen=True):
    """Open updates of one repository, and in sentences what of them could not be read."""

    updates: tuple[ProposedUpdate, ...]
    unread: tuple[str, ...] = ()


def read_updates(repository: Repository, parse: Parse, prefix: str = PREFIX) -> Proposals:
    """Every branch of that prefix that is not merged, with what it changes. Raises BadInput, Failed."""
    branches = _newest(repository.branches(), prefix)
    base = _base(repository.branches())
    updates: list[ProposedUpdate] = []
    unread: list[str] = []
    for branch in branches:
        parted = repository.changes(base, branch.commit)
        if parted.base and not parted.paths:
            continue  # it is merged
        if not parted.base:
            unread.append(f"{branch.name} has no commit in common with {base}: what it changes is not known")
        pins, broken = _pins(repository, parted.base, branch, parted.paths, parse)
        unread.extend(f"{branch.name}: {text}" for text in broken)
        source = f"{repository.place} {base}"
        if not pins:
            name = branch.name.rpartition(prefix)[2]
            unread.append(
                f"{branch.name} changes no version that is read here: {', '.join(parted.paths[:3]) or 'nothing'}"
            )
            pins = {name: ("", "", parted.paths)}
        updates.extend(
            ProposedUpdate(
                dependency=name, current=current, proposed=proposed, branch=branch.name, files=files,
                title=branch.subject, committed_ms=branch.at_ms, source=source,
            )
            for name, (current, proposed, files) in sorted(pins.items())
        )  # fmt: skip
    return Proposals(tuple(updates), tuple(unread))


def _newest(branches: tuple[Branch, ...], prefix: str) -> list[Branch]:
    """Branches of the prefix, each once: where a remote's and a local one differ, the newer."""
    found: dict[str, Branch] = {}
    for branch in branches:
        at = branch.name.find(prefix)
        # refs of a remote begin with its name: origin/renovate/…
        if at < 0 or branch.name[:at].count("/") > 1 or (at and branch.name[at - 1] != "/"):
            continue
        short = branch.name[at:]
        if short not in found or branch.at_ms > found[short].at_ms:
            found[short] = branch
    return [found[name] for name in sorted(found)]


def _base(branches: tuple[Branch, ...]) -> str:
    """The branch that updates would be merged into: main or master, the remote's before the local one; else HEAD."""
    names = {branch.name for branch in branches}
    for base in _BASES:
        if f"origin/{base}" in names:
            return f"refs/remotes/origin/{base}"
        if base in names:
            return f"refs/heads/{base}"
    return "HEAD"


def _pins(
    repository: Repository, base: str, branch: Branch, paths: tuple[str, ...], parse: Parse
) -> tuple[dict[str, tuple[str, str, tuple[str, ...]]], list[str]]:
    """(dependency → (current, proposed, files), what could not be read)."""
    found: dict[str, tuple[str, str, tuple[str, ...]]] = {}
    broken: list[str] = []
    for path in paths:
        if not path.endswith(_READ):
            continue
        try:
            before, after = (_read(repository, revision, path, parse) for revision in (base, branch.commit))
        except BadInput as error:
            broken.append(f"{path} cannot be read: {error.message}")
            continue
        for name, version in after.items():
            was = before.get(name, "")
            if version == was:
                continue
            known = found.get(name)
            files = (*known[2], path) if known else (path,)
            found[name] = (was or (known[0] if known else ""), version, files)
    return found, broken


def _read(repository: Repository, revision: str, path: str, parse: Parse) -> dict[str, str]:
    data = repository.read(revision, path) if revision else None
    return pins_of(parse(data, path)) if data else {}
