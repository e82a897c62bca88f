"""The order of work by which each kind of software is brought to another version: outlines, as cited data."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec
import yaml
from msgspec import Struct

from shipkeeper.knowledge.sources import Source
from shipkeeper.model.declared_windows import CONTENTS

Phase = Literal["read", "backup", "crds", "operator", "apply", "nodes", "verify"]
PHASES: tuple[Phase, ...] = ("read", "backup", "crds", "operator", "apply", "nodes", "verify")
"""By meaning: nothing is changed before it was read about and backed up, nothing counts before it was verified."""
ANY = "*"


class Outline(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step. ``owner`` limits it to software that Helm (helm), Flux (flux) or neither (none) looks after."""

    phase: Phase
    text: str
    why: str
    manual: tuple[str, ...]
    seen: str
    """What must be seen before the next step."""
    minutes: tuple[float, float]
    """Declared: usual, and long."""
    owner: Literal["", "helm", "flux", "none"] = ""
    final: bool = False
    """From here on there is no way back but forward."""
    forward: str = ""
    """What to do when it fails."""


class WorkSequence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The steps for some products. ``rank``: what has a lower one comes earlier in a window."""

    id: str
    products: tuple[str, ...]
    content: str
    rank: int
    minutes: tuple[float, float]
    impact: str
    source: str
    steps: tuple[Outline, ...]
    tasks: tuple[str, ...] = ()
    window: bool = False
    """People notice it, whatever its row of the schedule says: it belongs into a window."""
    alone: bool = False
    """One hop a window: the platform shows that it is well before it is moved again."""


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    kind: str
    issued: str
    sources: dict[str, Source]
    sequences: tuple[WorkSequence, ...]


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def sequences() -> tuple[WorkSequence, ...]:
    """All that are known, the most particular first."""
    return _read().sequences


def sequence_for(product: str) -> WorkSequence:
    """The sequence of a product, else the one for any Helm release."""
    return next(one for one in sequences() if product in one.products or ANY in one.products)


def cited(sequence: WorkSequence) -> str:
    """Where it is from, in words."""
    return _read().sources[sequence.source].cite()


@cache
def _read() -> _File:
    text = files("shipkeeper.knowledge").joinpath("data/sequences.yaml").read_bytes()
    file = msgspec.convert(yaml.load(text, Loader=_LOADER), _File)  # noqa: S506 (a safe loader, in C where there is one)
    for one in file.sequences:
        if one.content not in CONTENTS or one.source not in file.sources:
            raise ValueError(f"sequence {one.id}: content {one.content!r} or source {one.source!r} is not known")
    return file
