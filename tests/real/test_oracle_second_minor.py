"""The same cases on an older minor: what the rules say of it is what it does."""

from __future__ import annotations

from tests.real.test_oracle import (
    on_plane,
    on_twin,
    pytestmark,
    shipped,
    stage,
    test_a_drain_touches_what_kubectl_drain_does,
    test_a_replacement_finds_a_place_or_none_alike,
    test_an_eviction_is_answered_alike,
    test_budgets_are_computed_alike,
)

MINOR = "1.34"

__all__ = [
    "on_plane",
    "on_twin",
    "pytestmark",
    "shipped",
    "stage",
    "test_a_drain_touches_what_kubectl_drain_does",
    "test_a_replacement_finds_a_place_or_none_alike",
    "test_an_eviction_is_answered_alike",
    "test_budgets_are_computed_alike",
]
