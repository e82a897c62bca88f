"""Outlines of upgrades: every product has one that says what to do, in an order that means something."""

from __future__ import annotations

import re

import pytest

from shipkeeper.knowledge.library import bundled
from shipkeeper.knowledge.paths import path_policy
from shipkeeper.knowledge.sequences import PHASES, cited, sequence_for, sequences

WAYS = ("helm", "flux", "none")


@pytest.mark.parametrize("sequence", sequences(), ids=lambda one: one.id)
def test_a_sequence_changes_something_then_verifies_it_and_says_what_to_see(sequence) -> None:
    for owner in WAYS:
        steps = [step for step in sequence.steps if step.owner in ("", owner)]
        places = [PHASES.index(step.phase) for step in steps]
        assert places == sorted(places), "a step stands before one that it rests on"
        assert steps[-1].phase == "verify", "nobody looks whether it worked"
    changing = [step for step in sequence.steps if step.phase in ("operator", "apply", "nodes")]
    assert changing
    assert all(step.manual and step.seen and step.why for step in sequence.steps)
    assert all(0 < step.minutes[0] <= step.minutes[1] for step in sequence.steps)
    assert cited(sequence)


@pytest.mark.parametrize("sequence", sequences(), ids=lambda one: one.id)
def test_what_cannot_be_undone_is_backed_up_or_read_about_first(sequence) -> None:
    for owner in WAYS:
        steps = [step for step in sequence.steps if step.owner in ("", owner)]
        for number, step in enumerate(steps):
            if step.final:
                before = {earlier.phase for earlier in steps[:number]}
                assert before & {"backup", "read"}, f"{step.text}: nothing stands before the point of no return"


@pytest.mark.parametrize("sequence", sequences(), ids=lambda one: one.id)
def test_no_command_carries_a_secret_or_an_unpinned_source(sequence) -> None:
    for step in sequence.steps:
        for line in step.manual:
            assert not re.search(r"password|token=|/main/|/master/", line, re.IGNORECASE), line


def test_every_product_has_a_sequence_and_a_path_policy() -> None:
    for product in bundled().products.rows:
        assert sequence_for(product.id)
        assert path_policy(product.path), f"{product.id}: its path policy {product.path} does not exist"


def test_the_keycloak_sequence_follows_the_corrected_order() -> None:
    phases = [step.phase for step in sequence_for("keycloak").steps]
    assert phases == ["backup", "backup", "crds", "operator", "apply", "verify"]
    first = sequence_for("keycloak").steps[0]
    assert "completed" in first.seen, "a backup that was only started counts"
