"""Suggested commands work where they are pasted: they repeat where the state, the cluster and the platform are."""

from __future__ import annotations

import shlex
import sys

import pytest
from click.testing import CliRunner, Result

from shipkeeper.cli.commands import repeat_flags
from shipkeeper.cli.main import main

ARGV = ["run", "night.plan", "--context", "prod", "--state=my state"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("list them: shipkeeper runs", "list them: shipkeeper runs --state 'my state'"),
        (
            "look at it with: shipkeeper runs status run-1; or wait until it ends",
            "look at it with: shipkeeper runs status --state 'my state' run-1; or wait until it ends",
        ),
        ("shipkeeper status run-1", "shipkeeper status --state 'my state' run-1"),
        (
            "shipkeeper rehearse PLAN --from INVENTORY, or run --without-rehearsal REASON",
            "shipkeeper rehearse --state 'my state' PLAN --from INVENTORY, or run --without-rehearsal REASON",
        ),
        (
            "shipkeeper run --resume run-1, or shipkeeper runs abort run-1",
            "shipkeeper run --context prod --state 'my state' --resume run-1, or "
            "shipkeeper runs abort --context prod --state 'my state' run-1",
        ),
        ("shipkeeper run x --context other --state s", "shipkeeper run x --context other --state s"),
        ("shipkeeper runs status --help", "shipkeeper runs status --help"),
        ("shipkeeper -vv … shows where it happened", "shipkeeper -vv … shows where it happened"),
        ("update Shipkeeper", "update Shipkeeper"),
        ("shipkeeper shipshape run-1", "shipkeeper shipshape run-1"),
        ("shipkeeper config explain notices", "shipkeeper config explain notices"),
    ],
)
def test_commands_repeat_what_they_need(text: str, told: str) -> None:
    assert repeat_flags(text, ARGV) == told


def test_what_was_not_given_is_not_repeated() -> None:
    assert repeat_flags("shipkeeper runs status run-1", ["runs"]) == "shipkeeper runs status run-1"
    assert repeat_flags("shipkeeper runs", ["--", "--state", "x"]) == "shipkeeper runs"


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch):
    def made(line: str) -> Result:
        words = shlex.split(line)
        monkeypatch.setattr(sys, "argv", ["shipkeeper", *words])
        return CliRunner().invoke(main, words, prog_name="shipkeeper")

    return made


def test_every_error_s_command_can_be_pasted(call, tmp_path) -> None:
    state = tmp_path / "my state"
    for line in (f"runs status run-nope --state '{state}'", f"run --resume run-nope --state '{state}'"):
        done = call(line)
        assert done.exit_code == 2
        command = done.stderr.partition("shipkeeper ")[2].strip()
        assert str(state) in command
        again = call(command)
        assert again.exit_code == 0, f"{command!r} does not work: {again.output}"
        assert "no runs yet" in again.stdout


def test_an_error_object_repeats_them_too(call) -> None:
    done = call("runs status run-nope --state s -o json")
    assert '"hint": "list them: shipkeeper runs --state s"' in done.stderr
