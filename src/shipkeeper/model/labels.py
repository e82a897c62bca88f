"""Label selectors as data. How they match is in ``semantics.selectors``."""

from __future__ import annotations

from msgspec import Struct


class Requirement(Struct, frozen=True):
    """One expression: ``operator`` is In, NotIn, Exists, DoesNotExist, Gt or Lt (the last two for nodes only)."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


class Selector(Struct, frozen=True):
    """A label selector: every pair and every expression must hold. An empty one matches everything."""

    pairs: tuple[tuple[str, str], ...] = ()
    expressions: tuple[Requirement, ...] = ()
