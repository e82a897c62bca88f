"""Every call answers in words: wrong ones too, and in the format that was asked for."""

from __future__ import annotations

import json
import shlex
import sys

import pytest
from click.testing import CliRunner, Result

from shipkeeper.app.inventory_file import save
from shipkeeper.app.state import State
from shipkeeper.cli.main import SHORT, main
from shipkeeper.execution.world import RunResult
from shipkeeper.model.run import LeftNode, RunStatus
from tests.builders import deployment, inventory, nodes


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHIPKEEPER_STATE", raising=False)
    save(inventory(*nodes(3), deployment("web", on=("n1", "n2"))), "prod.inv")


@pytest.fixture
def call(monkeypatch):
    def made(line: str) -> Result:
        words = shlex.split(line)
        monkeypatch.setattr(sys, "argv", ["shipkeeper", *words])
        return CliRunner().invoke(main, words, prog_name="shipkeeper")

    return made


@pytest.mark.parametrize(
    "line",
    [
        "rehearse x --seeds 0 -o json",
        "check --fail-on often --output json",
        "bogus -o json",
        "run --bogus -o json",
        "plan nodes --order sideways -ojson",
        "runs status -o json --output=json",
    ],
)
def test_a_wrong_call_is_an_error_object_when_json_was_asked_for(call, line):
    done = call(line)
    assert done.exit_code == 2, done.output
    found = json.loads(done.stderr)
    assert {"code", "message", "object", "hint", "location"} <= found.keys(), "cli.md names these keys"
    assert (found["kind"], found["code"]) == ("Error", "usage")
    assert found["hint"].endswith("--help")
    assert done.stdout == ""


@pytest.mark.parametrize(
    "verb",
    [
        "run",
        "runs pause",
        "runs resume",
        "runs approve",
        "runs abort",
        "runs reboot-done",
        "evidence key",
        "config check",
    ],
)
def test_every_verb_takes_an_output_format(call, verb):
    assert "-o, --output" in call(f"{verb} --help").stdout


def test_what_nobody_foresaw_is_told_without_a_stack_trace(call, monkeypatch):
    import shipkeeper.cli.survey as survey

    monkeypatch.setattr(survey, "read_inventory", lambda source: {}["no such key"])
    done = call("survey --from prod.inv")
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert "KeyError" in done.stderr
    assert "-vv" in done.stderr, "a person needs the way to more, and to report it"
    assert isinstance(call("-vv survey --from prod.inv").exception, KeyError), "-vv asks for the stack trace"


def test_a_demo_that_cannot_write_says_so(call, tmp_path):
    (tmp_path / "file").write_text("mine")
    done = call("demo --out file/demo")
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr
    assert "--out DIR" in done.stderr
    done = call("demo --out file")
    assert done.exit_code == 2
    assert (tmp_path / "file").read_text() == "mine", "somebody's file is not thrown away"


@pytest.mark.parametrize("word", SHORT)
def test_words_for_a_run_are_understood_without_runs(call, word):
    done = call(f"{word} run-nope --state state")
    assert done.exit_code == 2, done.output
    assert "run-nope" in done.stderr


def test_the_next_command_works_as_it_is_printed(call, tmp_path):
    save(inventory(*nodes(3), deployment("web", on=("n1", "n2"))), "my inventory")
    done = call("plan nodes n1 --from 'my inventory' --save 'my plan'")
    assert done.exit_code == 0, done.output
    line = done.stderr.partition("next: shipkeeper ")[2].strip()
    assert call(f"{line} --seeds 1 --workers 1 --state state").exit_code == 0, f"{line!r} does not work"


def test_commands_of_a_checklist_name_the_plan_and_the_state(call):
    assert call("plan nodes n1 --from prod.inv --save night.plan").exit_code == 0
    done = call("checklist before night.plan --state here")
    told = done.stdout.partition("Next: shipkeeper ")[2].strip()
    assert "night.plan" in told
    assert "--state here" in told
    done = call(told.replace("NAME", "me").replace("TEXT", "seen"))
    assert done.exit_code == 0, f"{told!r} does not work: {done.output}"
    assert "shipkeeper notices status night.plan" in call("checklist before night.plan --state other").stdout


def test_a_key_for_programs(call):
    found = json.loads(call("evidence key --state s -o json").stdout)
    assert found["kind"] == "PublicKey"
    assert found["pem"] in call("evidence key --state s").stdout


def test_a_platform_file_that_is_in_order_says_so_to_programs(call, tmp_path):
    (tmp_path / "shipkeeper.yaml").write_text("environments: [{name: e, clusters: [{name: c}]}]\n")
    found = json.loads(call("config check -o json").stdout)
    assert found["inOrder"] is True
    assert found["counts"]["clusters"] == 1
    assert "1 environment, 1 cluster, 0 reboot drivers" in call("config check").stdout


def test_a_selector_that_picks_nothing_is_named(call):
    done = call("plan nodes -l pool=gneral --from prod.inv")
    assert done.exit_code == 2
    assert "no node carries the selector's labels" in done.stderr


def test_state_is_not_touched_by_a_wrong_call(call, tmp_path):
    assert call("runs --state s -o csv").exit_code == 2
    assert not (tmp_path / "s").exists() or not State.open("s").journal_path.exists()


def test_a_run_ends_with_its_state_for_programs_and_its_exit_code(call, monkeypatch):
    import shipkeeper.cli.run as verb

    status = RunStatus(id="run-1", plan_digest="sha256:0", state="held", started_at="2026-12-01T21:00:00Z")
    monkeypatch.setattr(
        verb, "carry_out_live", lambda *_: RunResult(run_id="run-1", state="held", reason="a budget", exit_code=4)
    )
    monkeypatch.setattr(verb, "look", lambda state, run: status)
    assert call("plan nodes n1 --from prod.inv --save night.plan").exit_code == 0
    done = call("run night.plan --context prod --state s -o json")
    assert done.exit_code == 4, done.output
    found = json.loads(done.stdout)
    assert (found["kind"], found["id"], found["state"]) == ("Run", "run-1", "held")
    assert "shipkeeper run --resume run-1 --context prod --state s" in done.stderr, "the way on has to work as printed"
    assert call("run night.plan --context prod --state s").stdout == "", "people read the progress on stderr"


def test_a_word_left_for_a_run_is_confirmed_to_programs(call, monkeypatch):
    import shipkeeper.cli.runs as verb

    monkeypatch.setattr(verb, "leave_word", lambda *_: "on-call")
    found = json.loads(call("pause run-1 --reason tired --state s -o json").stdout)
    assert (found["kind"], found["word"], found["run"], found["by"]) == ("Word", "pause", "run-1", "on-call")


def test_what_a_run_left_is_named_with_the_command_for_it(call, monkeypatch):
    import shipkeeper.cli.run as verb
    import shipkeeper.cli.runs as runs

    left = (
        LeftNode(node="n1", state="asked to reboot, not back yet, cordoned", next="shipkeeper runs release run-1 n1"),
        LeftNode(node="n2", state="not begun"),
    )
    status = RunStatus(id="run-1", plan_digest="sha256:0", state="aborted", left=left)
    monkeypatch.setattr(
        verb, "carry_out_live", lambda *_: RunResult(run_id="run-1", state="aborted", reason="by kim", exit_code=1)
    )
    monkeypatch.setattr(verb, "look", lambda state, run: status)
    monkeypatch.setattr(runs, "look", lambda state, run: status)
    assert call("plan nodes n1 --from prod.inv --save night.plan").exit_code == 0
    done = call("run night.plan --context prod --state s")
    wanted = "shipkeeper runs release --context prod --state s run-1 n1"
    assert wanted in done.stderr
    assert "n2" not in done.stderr, "nothing is to be done for it"
    shown = call("runs status run-1 --state s").stdout
    assert "shipkeeper runs release --state s run-1 n1" in shown
    assert "not begun" in shown
    told = json.loads(call("runs status run-1 --state s -o json").stdout)
    assert [item["next"] for item in told["left"]] == ["shipkeeper runs release run-1 n1", ""]
    assert "| n1 |" in call("runs status run-1 --state s -o markdown").stdout


def test_a_word_for_a_run_that_nobody_carries_out_says_so(call, monkeypatch):
    import shipkeeper.cli.runs as runs

    monkeypatch.setattr(runs, "leave_word", lambda *_: "on-call")
    done = call("abort run-1 --state s")
    assert "named there, with its command" in done.stderr
    assert "shipkeeper run --state s --resume run-1" in done.stderr
    monkeypatch.setattr(runs, "is_carried_out", lambda *_: True)
    assert "--resume" not in call("abort run-1 --state s").stderr


def test_a_release_names_what_it_cannot_find(call):
    done = call("runs release run-nope n1 --state s")
    assert done.exit_code == 2
    assert "run-nope" in done.stderr
