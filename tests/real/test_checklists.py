"""A checklist on a real cluster with a real platform on it: what it reads, what it holds, and what lets the run go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.real.conftest import RUNNER, not_here
from tests.real.harness import crash, night, platform_objects
from tests.real.harness.crash import Crashes
from tests.real.harness.product import DOES_NOT_FIT, OK, REFUSED
from tests.real.plane.api import Api
from tests.real.plane.plane import Plane, Unavailable

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def crashes(plane: Plane, api: Api, runner: Path, tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    """Three nodes of production, with operators' real CRDs and objects as their controllers leave them."""
    found, _ = crash.small(plane, api, runner, tmp_path_factory.mktemp("checklists"), RUNNER)
    try:
        files = platform_objects.crd_files()
    except Unavailable as gone:
        not_here(f"no platform parts: {gone}")
    platform_objects.load(api, files, datetime.now(UTC))
    assert found.product.platform is not None
    _declare(found.product.platform, api.call("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"])
    return found


def _declare(path: Path, uid: str) -> None:
    """Production, alone, in a window that is open and agreed to: of the gates about people only the list is left."""
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    opened = datetime.now(UTC) - timedelta(hours=1)
    nightly = {
        "name": "nightly", "rrule": "FREQ=DAILY", "start": f"{opened:%H:%M}", "duration": "8h", "zone": "UTC",
        "agreedBy": ["application owners"], "agreedOn": "2026-01-01",
    }  # fmt: skip
    document["environments"][0] |= {"production": True, "follows": "", "windows": [nightly]}
    document["environments"][0]["clusters"][0]["uid"] = uid
    document["people"] = [{"name": "on-call", "identity": "oncall-user"}, {"name": "lead", "identity": "lead-user"}]
    path.write_text(yaml.safe_dump(document, sort_keys=False))


@pytest.mark.requirement("R-D1", "R-D3", "R-D4")
def test_what_the_list_reads_holds_the_run_until_people_have_seen_to_it(api: Api, crashes: Crashes) -> None:
    product = crashes.product
    known = product.with_platform()
    planned = night.plan(product, "listed", list(crashes.nodes), "--window", "nightly")
    because = ("--reason", "nobody is told in a test", "--by", "lead")
    product.call("windows", "waive", "notices-sent", planned.file, *because, *known)
    words = ("run", planned.file, *product.live(), *known, "--without-rehearsal", "the list is tried")
    before = crashes.counts()

    held = product.call(*words, "--hold-for", "5s", codes=(REFUSED,))
    assert "checklist-before is closed: nobody has read the checklist" in held.err
    assert crashes.counts() == before, "a run that nobody looked before rebooted a node"

    read = product.call("checklist", "before", planned.file, *product.live(), *known, "-o", "json").json
    boxes = {item["id"]: item for item in read["items"]}
    wrong = {id: item["reading"] for id, item in boxes.items() if item["state"] in ("failed", "unknown")}
    assert {"flux-well", "backups-recent"} <= set(wrong), "the samples' objects are not well, and nobody said so"
    assert "HelmRelease" in wrong["flux-well"] or "Kustomization" in wrong["flux-well"], wrong["flux-well"]
    assert "velero" in wrong["backups-recent"], wrong["backups-recent"]
    assert boxes["nodes-ready"]["state"] == boxes["pods-healthy"]["state"] == "done", wrong

    ready = product.call(
        "report", "readiness", *product.live(), *known, "-o", "json", "--exit-code", codes=(DOES_NOT_FIT,)
    )
    assert ready.json["verdict"] == "not-normal"

    again = product.call(*words, "--hold-for", "5s", codes=(REFUSED,))
    assert "failed" in again.err
    for item in read["items"]:
        said = ("--by", "lead", "--note", "seen on the plane", *known)
        if item["state"] in ("open", "unknown"):
            product.call("checklist", "before", planned.file, "--tick", item["id"], *said)
        elif item["state"] == "failed":
            product.call("checklist", "before", planned.file, "--waive", item["id"], *said)
    answer = product.call(*words, codes=(OK,))
    assert "set aside" in answer.out + answer.err, "what was set aside is on record when the run begins"
    assert {node: count - before[node] for node, count in crashes.counts().items()} == dict.fromkeys(crashes.nodes, 1)
    assert night.unclean(api) == []

    (run,) = [row["id"] for row in product.call("runs", "-o", "json").json["items"] if row["state"] == "done"][:1]
    after = product.call("checklist", "after", run, *product.live(), *known, "-o", "json").json
    states = {item["id"]: item["state"] for item in after["items"]}
    assert states["nodes-rebooted"] == states["nodes-as-before"] == states["pods-healthy"] == "done"
    assert states["flux-well"] == "done", "what was broken before the run is as before, and named"
    people = {row["runbook"]: row for row in product.call("people", *known, "-o", "json").json["items"]}
    assert people["node-os"]["state"] == "nobody", "the runner is nobody on the team"
