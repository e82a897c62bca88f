"""What others wrote without a schema: a part that is not of the shape one hopes for reads as empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def mapping(value: Any) -> Mapping[str, Any]:
    """The value, or nothing where it is no mapping."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> Sequence[Any]:
    """The value, or nothing where it is no list."""
    return value if isinstance(value, list) else ()
