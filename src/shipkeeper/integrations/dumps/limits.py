"""How much a dump may ask of this machine. Dumps come from elsewhere: they are read as hostile input."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from shipkeeper.model.errors import BadInput, Location

_MIB = 1 << 20
_GIB = 1 << 30


class Limits(Struct, frozen=True):
    """Bounds that no honest dump comes near. ``ratio`` (unpacked to packed) counts only from ``ratio_from`` bytes on.

    ``depth`` and ``nodes`` bound one object; a node is a mapping, a list or a scalar, and an alias counts as all it
    stands for.
    """

    unpacked: int = 8 * _GIB
    member: int = 2 * _GIB
    members: int = 2_000_000
    ratio: int = 300
    ratio_from: int = 128 * _MIB
    depth: int = 100
    nodes: int = 1_000_000
    anchors: int = 10_000


class Meter:
    """Counts what was unpacked, and stops a bomb while it goes off rather than after."""

    def __init__(self, limits: Limits, name: str, packed: Callable[[], int] | None = None) -> None:
        self.limits = limits
        self._name = name
        self._packed = packed
        self._unpacked = 0
        self._members = 0

    def unpacked(self, size: int) -> None:
        """Note bytes that came out. Raises BadInput beyond the limits."""
        self._unpacked += size
        limits = self.limits
        if self._unpacked > limits.unpacked:
            raise self.refusal(f"unpacks to more than {_size(limits.unpacked)}")
        if self._packed is None or self._unpacked < limits.ratio_from:
            return
        if self._unpacked > limits.ratio * max(1, self._packed()):
            raise self.refusal(f"unpacks to more than {limits.ratio} times its size")

    def member(self) -> None:
        """Note one more member. Raises BadInput beyond the limit."""
        self._members += 1
        if self._members > self.limits.members:
            raise self.refusal(f"has more than {self.limits.members} members")

    def refusal(self, what: str) -> BadInput:
        """The error for a dump that asks too much."""
        return BadInput(
            f"the archive {what}",
            why="archives made to fill a machine look like this",
            hint="if it is honest, unpack it and give the folder instead",
            location=Location(self._name),
        )


def _size(size: int) -> str:
    return f"{size / _GIB:g} GiB" if size >= _GIB else f"{size / _MIB:g} MiB"


def too_big(name: str, size: int, limits: Limits) -> BadInput:
    """The error for a member that is too big to be read."""
    return BadInput(
        f"the member is {size} bytes; more than {limits.member} are not read",
        hint="split the dump by namespace or by kind",
        location=Location(name),
    )
