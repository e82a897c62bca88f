"""People, channels, notices, freezes, environments that follow each other: what the platform file may say of them."""

from __future__ import annotations

import pytest

from shipkeeper.app.platform_file import parse_platform
from shipkeeper.model.errors import Problems

STAGED = """
environments:
  - {name: staging, clusters: [{name: s}]%s}
  - {name: production, follows: staging, clusters: [{name: p}]}
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(Problems) as caught:
        parse_platform(text.encode(), "shipkeeper.yaml")
    return [f"{problem.location}: {problem.message}" for problem in caught.value.problems]


@pytest.mark.requirement("R-A1")
def test_what_is_wrong_with_people_is_told_with_its_place_and_all_at_once() -> None:
    told = mistakes(
        "country: sweden\n"
        "notices: {major: 2 weeks, channels: {users: [chat], owners: []}}\n"
        "people: [{name: a, escalateTo: b}, {name: b, escalateTo: a}]\n"
        "channels: [{name: mail, kind: email, to: [nobody]}]\n"
        "patchDeadlines: {grave: 7d}\n"
    )
    for place, words in (
        ("shipkeeper.yaml:1:10", "'sweden' is no country code"),
        ("shipkeeper.yaml:2:18", "less than a month"),
        ("shipkeeper.yaml:2:46", "no channel called 'chat'"),
        ("shipkeeper.yaml:2:61", "'owners' is no audience"),
        ("shipkeeper.yaml:3:32", "a → b → a goes round in a circle"),
        ("shipkeeper.yaml:4:12", "lacks 'server'"),
        ("shipkeeper.yaml:4:42", "'nobody' is no e-mail address"),
        ("shipkeeper.yaml:5:25", "'grave' is no severity"),
    ):
        assert any(line.startswith(place) and words in line for line in told), f"{place} {words} is not among {told}"


def test_environments_that_wait_for_each_other_are_refused() -> None:
    told = mistakes(STAGED % ", follows: production")
    assert any("staging → production → staging goes round" in line for line in told), told


def test_an_environment_that_follows_none_that_there_is_is_refused() -> None:
    assert any("no environment called 'stagin'" in line for line in mistakes(STAGED % ", follows: stagin"))


def test_an_environment_without_clusters_is_refused() -> None:
    assert any("environment 'a' has no cluster" in line for line in mistakes("environments: [{name: a, clusters: []}]"))


@pytest.mark.parametrize("field", ["url: https://hooks.example.net/T0/SECRET", "token: SECRET", "password: SECRET"])
def test_a_secret_written_out_is_refused_and_not_repeated(field: str) -> None:
    told = mistakes(f"channels: [{{name: chat, kind: slack, {field}}}]")
    assert any("secret" in line for line in told), "a secret in a committed file went through"
    assert "SECRET" not in " ".join(told), "the mistake's words repeat the secret"


def test_a_freeze_that_ends_before_it_begins_is_refused() -> None:
    assert any(
        "ends before it begins" in line
        for line in mistakes("freezes: [{name: f, begins: 2026-12-20, ends: 2026-12-19T23:00}]")
    )
