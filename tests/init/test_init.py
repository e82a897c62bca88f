"""``init``: what is found is written, what cannot be known is asked, and what nobody said is marked."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.app.init import Answers, draft, written
from shipkeeper.app.platform_file import parse_platform
from shipkeeper.app.survey import load_inventory
from shipkeeper.assessment.scope import look_at_scope
from shipkeeper.cli.main import main
from shipkeeper.knowledge.library import bundled
from shipkeeper.model.cluster import ClusterIdentity, Namespace
from shipkeeper.model.errors import BadInput
from shipkeeper.planning.recurring_words import parse_recurring
from shipkeeper.planning.window import rule_faults
from tests.builders import deployment, inventory, node, shape

DUMP = Path(__file__).resolve().parents[2] / "src/shipkeeper/app/demo_platform/platform.json.gz"
INVENTORY = load_inventory(str(DUMP))
ALL = Answers(
    zone="Europe/Stockholm", window="last Sunday 02:00 4h", on_call="tel:+46-1", lead="mailto:lead@example.net",
    users="mailto:apps@example.net", provider="tel:+46-2", kubernetes_minor="4 weeks", production="yes",
)  # fmt: skip


def made(answers: Answers, inv=INVENTORY, context: str = "prod"):
    return written(draft(inv, bundled().products, answers, context))


@pytest.mark.requirement("R-A1")
def test_the_file_claims_everything_that_runs() -> None:
    platform = parse_platform(made(ALL).text.encode(), "shipkeeper.yaml")
    assert look_at_scope(platform, INVENTORY).unclaimed == (), "init wrote a scope and left something unclaimed"
    rows = {scope.component: scope for scope in platform.scope}
    assert rows["Kyverno"].inside
    assert rows["Kyverno"].namespaces == ("kyverno",)
    assert not rows["team-shop"].inside
    assert {c.name for c in platform.components} >= {"keycloak", "kyverno", "trivy-operator", "cilium"}


@pytest.mark.requirement("R-C2")
def test_what_was_answered_is_in_it_and_what_was_not_is_asked_for() -> None:
    whole = made(ALL)
    platform = parse_platform(whole.text.encode(), "p")
    assert (platform.zone, platform.notices.kubernetes_minor) == ("Europe/Stockholm", "4 weeks")
    assert platform.environments[0].windows[0].rrule == "FREQ=MONTHLY;BYDAY=-1SU"
    assert whole.open == ()
    nothing = made(Answers())
    assert len(nothing.open) == 7
    assert parse_platform(nothing.text.encode(), "p").notices.kubernetes_minor == "", "the weeks of notice were guessed"
    assert any("first Tuesday" in line or "BYDAY=1TU" in line for line in nothing.assumed)
    assert "agreedBy:" not in nothing.text.replace("# agreedBy:", ""), "an agreement was made up"


@pytest.mark.parametrize(
    ("name", "production"),
    [("acme-prod-1", True), ("staging", False), ("eu-test", False), ("contest", True), ("x", True)],
)
def test_a_name_tells_staging_and_doubt_means_production(name: str, production: bool) -> None:
    inv = inventory(node(), identity=ClusterIdentity(name=name))
    assert draft(inv, bundled().products, Answers(), "").production is production


def test_a_database_of_a_team_stays_the_teams() -> None:
    """Two of three workloads are the team's own: one PostgreSQL does not make a namespace the platform's."""
    own = [
        deployment(f"app{i}", namespace="shop", template=shape(images=(f"registry.example/app{i}:1",))) for i in (1, 2)
    ]
    base = deployment("db", namespace="shop", template=shape(images=("postgres:16.1",)))
    inv = inventory(node(), *own, base, namespaces=(Namespace("shop"),))
    parts = {part.component: part for part in draft(inv, bundled().products, Answers(), "").parts}
    assert not parts["shop"].inside


@given(
    name=st.text(max_size=20),
    context=st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20),
    spaces=st.sets(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True), max_size=5),
    contact=st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30),
)
def test_the_file_can_always_be_read_back(name: str, context: str, spaces: set[str], contact: str) -> None:
    inv = inventory(node(), identity=ClusterIdentity(name=name), namespaces=tuple(map(Namespace, sorted(spaces))))
    platform = parse_platform(made(Answers(lead=contact), inv, context).text.encode(), "p")
    found = {space for scope in platform.scope for space in scope.namespaces}
    assert found == spaces | (found & {"default"}), (
        "a namespace is missing, or changed its name on the way through YAML"
    )
    assert platform.people[1].contact == contact


@pytest.mark.parametrize(
    ("text", "rrule"),
    [
        ("first Tuesday 22:00 7h", "FREQ=MONTHLY;BYDAY=1TU"),
        ("last Sunday at 2:00 for 4h", "FREQ=MONTHLY;BYDAY=-1SU"),
        ("every wed 21:00 3h", "FREQ=WEEKLY;BYDAY=WE"),
    ],
)
def test_windows_in_words(text: str, rrule: str) -> None:
    assert parse_recurring(text).rrule == rrule


@pytest.mark.parametrize(
    "text", ["", "sometimes", "fifth Tuesday 22:00 7h", "first Xyz 22:00 7h", "first Tuesday 25:00 7h"]
)
def test_other_words_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_recurring(text)
    assert "first Tuesday 22:00 7h" in caught.value.hint


def test_the_window_written_is_one_that_occurs() -> None:
    assert not list(rule_faults(parse_platform(made(ALL).text.encode(), "p").environments[0].windows[0]))


def test_a_file_that_is_there_is_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shipkeeper.yaml").write_text("name: mine\n")
    told = CliRunner().invoke(main, ["init", "--from", str(DUMP)])
    assert told.exit_code == 2
    assert (tmp_path / "shipkeeper.yaml").read_text() == "name: mine\n"
    told = CliRunner().invoke(main, ["init", "--from", str(DUMP), "--force", "--no-input"])
    assert told.exit_code == 0, told.output
    assert "Not known:" in told.stderr
    assert CliRunner().invoke(main, ["config", "check"]).exit_code == 0


def test_a_bad_answer_in_an_option_is_refused_by_its_name(tmp_path) -> None:
    out = tmp_path / "p.yaml"
    told = CliRunner().invoke(main, ["init", "--from", str(DUMP), "--out", str(out), "--kubernetes-notice", "soon"])
    assert told.exit_code == 2
    assert "--kubernetes-notice" in told.stderr
    assert not out.exists()


def test_a_person_at_a_terminal_is_asked_and_asked_again(tmp_path) -> None:
    """A real terminal: the first answer about the window cannot be used, the second can, the rest stay open."""
    out = tmp_path / "p.yaml"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "shipkeeper", "init", "--from", str(DUMP), "--out", str(out)],
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"TERM": "dumb"},
    )  # fmt: skip
    os.close(theirs)
    for line in ("Africa/Nairobi", "now and then", "first Tuesday 20:00 5h", "", "", "", "", "3 weeks"):
        time.sleep(0.05)
        os.write(ours, line.encode() + b"\n")
    _, told = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0, told.decode()
    platform = parse_platform(out.read_bytes(), str(out))
    assert (platform.zone, platform.notices.kubernetes_minor) == ("Africa/Nairobi", "3 weeks")
    assert platform.environments[0].windows[0].start == "20:00"
    assert "is not understood" in told.decode()
