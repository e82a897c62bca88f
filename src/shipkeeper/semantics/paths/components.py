"""What a distribution's release installs, compared from hop to hop: what moves, and above all what moves backwards."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from shipkeeper.model.errors import BadInput
from shipkeeper.model.paths import Direction, Hop, Moved, PathFlag, UpgradePath
from shipkeeper.model.version import Version, parse_version

Installed = Mapping[Version, Mapping[str, str]]
"""Release → component → version that it installs."""


def with_components(path: UpgradePath, installed: Installed) -> UpgradePath:
    """The path with what each hop moves, and a flag for each component that it would move backwards."""
    return replace(path, hops=tuple(_compared(hop, path.scheme, installed) for hop in path.hops)) if installed else path


def _compared(hop: Hop, scheme: str, installed: Installed) -> Hop:
    before, after = (installed.get(parse_version(text, scheme)) for text in (hop.from_version, hop.to_version))
    if before is None or after is None:
        gap = hop.from_version if before is None else hop.to_version
        flag = PathFlag(code="components-unknown", text=f"what {gap} installs is not known here: compare by hand")
        return replace(hop, flags=(*hop.flags, flag))
    moves = tuple(_moved(name, before.get(name, ""), after.get(name, "")) for name in sorted({*before, *after}))
    moves = tuple(move for move in moves if move.before != move.after)
    flags = list(hop.flags)
    for move in moves:
        if move.direction == "backwards":
            text = f"{move.name} would go back from {move.before} to {move.after}"
            flags.append(PathFlag(code="component-backwards", text=text))
        elif move.name == "kubernetes" and _minor(move.before) != _minor(move.after):
            text = (
                f"Kubernetes {move.before} → {move.after} is a new minor: application developers are told ahead, "
                "and APIs that it removes must be out of use"
            )
            flags.append(PathFlag(code="kubernetes-minor", text=text))
    back = any(move.direction == "backwards" for move in moves)
    if not back and any(flag.code == "goes-back-in-time" for flag in flags):
        text = f"compared by what the releases install by default: of {len(before)} components none goes back"
        flags.append(PathFlag(code="components-compared", text=text))
    return replace(hop, components=moves, flags=tuple(flags))


def _moved(name: str, before: str, after: str) -> Moved:
    if not before or not after:
        return Moved(name=name, before=before, after=after, direction="unknown")
    try:
        a, b = parse_version(before, "loose"), parse_version(after, "loose")
    except BadInput:
        return Moved(name=name, before=before, after=after, direction="unknown")
    newer = b.is_newer_than(a)
    direction: Direction = "unknown" if newer is None else "forwards" if newer else "same" if a == b else "backwards"
    return Moved(name=name, before=before, after=after, direction=direction)


def _minor(text: str) -> tuple[str, ...]:
    return tuple(text.split(".")[:2])
