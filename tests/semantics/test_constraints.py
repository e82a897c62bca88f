"""Version constraints mean what they mean to Helm: vectors that the library which Helm uses gave."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.errors import BadInput
from shipkeeper.model.version import parse_version
from shipkeeper.semantics.constraints import parse_constraint

ROWS = [line.split("\t") for line in (Path(__file__).parent / "constraints.tsv").read_text().splitlines()[1:]]
WORDS = {"true": True, "false": False}


def test_every_vector():
    wrong = []
    for text, version, before, now in ROWS:
        if "error" in (before, now):
            continue
        told = WORDS[now] if before == now else None
        found = parse_constraint(text).allows(parse_version(version, "helm"))
        if found is not told:
            wrong.append((text, version, f"Helm says {told}, we say {found}"))
    assert not wrong, f"a chart would be taken for (un)fit for a cluster that it is not: {wrong[:5]}"


@pytest.mark.parametrize("text", [row[0] for row in ROWS if row[2] == "error"])
def test_what_helm_refuses_is_an_error_with_a_way_on(text):
    with pytest.raises(BadInput) as refused:
        parse_constraint(text)
    assert refused.value.code == "not-a-constraint"
    assert refused.value.hint


def test_a_provider_suffix_is_a_pre_release_to_helm():
    cluster = parse_version("v1.33.4-gke.1", "helm")
    assert parse_constraint(">=1.25.0").allows(cluster) is False, "Helm refuses it, however new the cluster is"
    assert parse_constraint(">=1.25.0-0").allows(cluster) is True
    assert parse_constraint(">=1.25.0-0 <1.40.0").allows(cluster) is None, "Helm changed its mind in 2025"


@given(st.text(alphabet=" 0123456789.xX*-v+~^<>=!|,abc", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        read = parse_constraint(text)
    except BadInput:
        return
    assert read.allows(parse_version("1.2.3", "helm")) in (True, False, None)
