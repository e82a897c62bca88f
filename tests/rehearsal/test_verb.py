"""``shipkeeper rehearse``, from the command line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from shipkeeper.app.carry_out import fitting_forecast
from shipkeeper.app.inventory_file import save
from shipkeeper.app.propose import save_plan
from shipkeeper.app.state import State, read_forecast
from shipkeeper.cli.main import main
from shipkeeper.model.errors import Refused
from shipkeeper.model.inventory import Inventory, Missing
from shipkeeper.model.plan import Plan
from tests import builders as b
from tests.rehearsal.nights import plan_for, small, window


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHIPKEEPER_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "140")


def _rehearse(inventory: Inventory, plan: Plan, *flags: str, fine: bool = True) -> Result:
    save(inventory, "prod.inv")
    save_plan(plan, "night.plan")
    done = CliRunner().invoke(main, ["rehearse", "night.plan", "--from", "prod.inv", "--workers", "1", *flags])
    assert done.exit_code == (0 if fine else 5), done.output
    return done


def test_what_a_person_sees() -> None:
    inventory = small()
    done = _rehearse(inventory, plan_for(inventory, window=window(3)), "--seeds", "4", "--no-compare")
    text = done.output
    assert "4 seeds · 3 nodes · one at a time" in text
    assert "FITS" in text
    assert "window 3h00m minus reserve 30m" in text
    assert "lower bound" in text
    for name in ("n1", "n2", "n3"):
        row = next(line for line in text.splitlines() if line.startswith(f"{name} "))
        assert set(row.split(maxsplit=1)[1].strip()) == set("▒█▓░")
    assert "default/db  P50" in text
    assert "every other workload 0 s" in text
    assert "(declared)" in text
    assert "Europe/Stockholm" in text


def test_the_envelope_has_the_contracts_keys() -> None:
    inventory = small()
    plan = plan_for(inventory, window=window(3))
    found = json.loads(_rehearse(inventory, plan, "--seeds", "3", "-o", "json").stdout)
    assert (found["apiVersion"], found["kind"]) == ("shipkeeper/v1alpha1", "Forecast")
    keys = (
        "planDigest", "verdict", "seeds", "durationSeconds", "lowerBoundSeconds", "baselineSeconds", "nodes",
        "workloads", "blocked", "assumptions", "measurements", "traceDigest",
    )  # fmt: skip
    assert [key for key in keys if key not in found] == []
    assert found["planDigest"] == plan.digest
    assert set(found["nodes"][0]) >= {"name", "cordoned", "drained", "ready", "done"}
    assert set(found["workloads"][0]) >= {
        "kind",
        "namespace",
        "name",
        "downtimeSeconds",
        "degradedSeconds",
        "evictions",
    }
    assert set(found["lowerBoundSeconds"]) == {"value", "binding"}


def test_the_forecast_is_kept_under_the_plans_digest_and_saved_where_asked() -> None:
    inventory = small()
    plan = plan_for(inventory, window=window(3))
    _rehearse(inventory, plan, "--seeds", "2", "--save", "night.forecast", "--svg", "night.svg")
    kept = State.open().find_forecast(plan.digest)
    assert kept is not None
    assert kept == read_forecast(Path("night.forecast"))
    assert Path("night.svg").read_text().startswith("<svg ")


def test_exit_code_five_unless_it_fits() -> None:
    solo = b.inventory(*b.nodes(2), b.deployment("solo", on=("n1",)), b.budget(app="solo", min_available=1))
    blocked = _rehearse(solo, plan_for(solo, "n1", window=window(3)), "--seeds", "2", fine=False)
    assert "BLOCKED" in blocked.output
    assert "budget-never-allows" in blocked.output
    assert "in 2 of 2 seeds" in blocked.output
    late = _rehearse(small(), plan_for(small(), window=window(0.25), reserve_ms=600_000), "--seeds", "2", fine=False)
    assert "DOES NOT FIT" in late.output
    assert "not in the window" in late.output


def test_what_was_not_read_and_may_block_is_no_pass() -> None:
    """A rehearsal without budgets would let everything go: that is no forecast of the night."""
    blind = replace(small(), budgets=(), missing=(Missing("poddisruptionbudgets", "forbidden", "budgets", ""),))
    plan = plan_for(blind, window=window(3))
    done = _rehearse(blind, plan, "--seeds", "2", "--save", "blind.forecast", fine=False)
    assert "FITS, AS FAR AS IS KNOWN" in done.stdout
    assert "? poddisruptionbudgets could not be read: not known: " in done.stdout
    found = read_forecast(Path("blind.forecast"))
    assert (found.verdict, len(found.doubts)) == ("fits", 1)
    with pytest.raises(Refused, match="only as far as is known: poddisruptionbudgets"):
        fitting_forecast(plan, found, "", b.NOW)
    mild = replace(small(), missing=(Missing("events", "forbidden", "durations", ""),))
    assert "AS FAR AS" not in _rehearse(mild, plan_for(mild, window=window(3)), "--seeds", "2").stdout


def test_a_forecast_from_before_there_were_doubts_keeps_its_digest() -> None:
    inventory = small()
    _rehearse(inventory, plan_for(inventory), "--seeds", "1", "--save", "f.json")
    found = read_forecast(Path("f.json"))
    raw = json.loads(msgspec.json.encode(found))
    assert list(raw)[-1] == "doubts", "a later field must keep old digests too"
    del raw["doubts"]
    old = msgspec.json.decode(json.dumps(raw).encode(), type=type(found))
    assert old.digest() == found.digest()
    text = msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(found), type=type(found)), order="deterministic")
    assert found.digest() == "sha256:" + hashlib.sha256(text.replace(b',"doubts":[]', b"")).hexdigest()
    assert replace(found, doubts=("x",)).digest() != found.digest()


def test_a_sparse_dump_does_not_bury_the_verdict() -> None:
    gaps = tuple(Missing(f"kind{i}", "not in the dump", f"question {i}", "") for i in range(8))
    sparse = replace(small(), missing=gaps)
    plan = plan_for(sparse, window=window(3))
    assert [note for note in plan.notes if note.startswith("not read: ")] == [
        "not read: kind0, kind1, kind2, kind3, kind4, kind5, kind6, kind7: "
        "shipkeeper check tells for what that matters, survey what each leaves unknown"
    ]
    text = _rehearse(sparse, plan, "--seeds", "2").stdout
    assert "question 3" not in text
    assert " ".join(text.split()).count("kind6, kind7: could not be read") == 1
    found = json.loads(_rehearse(sparse, plan, "--seeds", "2", "-o", "json").stdout)
    assert sum(item["source"] == "unknown" for item in found["assumptions"]) == 8, "JSON keeps each with its reason"


def test_a_blocked_plan_has_no_distance_from_the_bound() -> None:
    solo = b.inventory(*b.nodes(2), b.deployment("solo", on=("n1",)), b.budget(app="solo", min_available=1))
    plan = plan_for(solo, "n1", window=window(3))
    found = json.loads(_rehearse(solo, plan, "--seeds", "2", "-o", "json", fine=False).stdout)
    assert found["gap"] is None, "it stopped after a second, which is no schedule better than possible"


def test_what_else_stands_in_the_way_is_told_too() -> None:
    empty = b.shape({"app": "cache"}, volumes=("emptyDir",))
    inventory = b.inventory(
        *b.nodes(4),
        b.deployment("cache", on=("n1",), template=empty),
        b.deployment("solo", on=("n2",)),
        b.budget(app="solo", min_available=1),
        b.pod("bare", on="n3"),
    )
    plan = plan_for(inventory, window=window(3))
    done = _rehearse(inventory, plan, "--seeds", "2", "-o", "json", fine=False)
    found = json.loads(done.stdout)
    seen = {(item["node"], item["rule"], item["seeds"]) for item in found["blocked"]}
    assert seen == {("n1", "empty-dir", 2), ("n2", "budget-never-allows", 2), ("n3", "unmanaged", 2)}
    assert found["alternatives"], "n4 goes through, and that is worth knowing"
    assert found["alternatives"][0].startswith("the other 1 of 4 nodes go through")


def test_markdown_is_a_page_of_its_own() -> None:
    inventory = small()
    text = _rehearse(inventory, plan_for(inventory, window=window(3)), "--seeds", "2", "-o", "markdown").stdout
    assert text.startswith("# Rehearsal: fits")
    assert "## What this rests on" in text
    assert "| n1 |" in text


def test_a_plan_of_another_cluster_is_refused_in_words() -> None:
    save(b.inventory(*b.nodes(1)), "prod.inv")
    save_plan(plan_for(small()), "night.plan")
    done = CliRunner().invoke(main, ["rehearse", "night.plan", "--from", "prod.inv"])
    assert done.exit_code == 4
    assert "no such node" in done.output


def test_a_plan_whose_inventory_tells_no_cluster_is_rehearsed_all_the_same() -> None:
    """A kubectl List of nodes and pods has no namespace kube-system. A run refuses such a plan; a rehearsal may not."""
    known = small()
    nameless = replace(known, identity=replace(known.identity, uid=""))
    plan = plan_for(nameless, window=window(3))
    flags = ("--seeds", "2", "--no-compare", "-o", "json")
    found = json.loads(_rehearse(nameless, plan, *flags).stdout)
    assert (found["verdict"], found["planDigest"]) == ("fits", plan.digest)
    assert any("which cluster" in item["what"] for item in found["assumptions"]), "it has to say that no run takes it"
    assert json.loads(_rehearse(known, plan, *flags).stdout)["verdict"] == "fits"
    other = json.loads(_rehearse(nameless, plan_for(known, window=window(3)), *flags).stdout)
    assert other["verdict"] == "fits"
    assert not any("which cluster" in item["what"] for item in other["assumptions"]), "that plan names its cluster"


def test_long_names_of_one_pool_are_told_apart_in_the_chart() -> None:
    names = [f"ci-ln-k7vx6h2-002ac-w7gjh-worker-eastus2{i}-pool" for i in (1, 2, 3)]
    inventory = b.inventory(*(b.node(name) for name in names))
    text = _rehearse(inventory, plan_for(inventory), "--seeds", "1", "--no-compare").output
    rows = {line.split()[0] for line in text.splitlines() if "█" in line and "reboot" not in line}
    assert len(rows) == 3, f"three nodes under {len(rows)} names: {rows}"
