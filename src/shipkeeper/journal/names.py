"""What the ids of chains mean."""

from __future__ import annotations

CHECKS = "checks-"
"""Chains whose id begins so hold checklists; they are not runs."""

BOOK = "book-"
"""Chains whose id begins so are logbooks: what people said, agreed and were told. They are not runs."""


def is_run(chain: str) -> bool:
    """Whether a chain of that id is a run's."""
    return not chain.startswith((CHECKS, BOOK))
