"""Gates about people on a real cluster: a run that nobody agreed to touches nothing, and goes on once they did."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.real.conftest import RUNNER
from tests.real.harness import crash, night
from tests.real.harness.crash import Crashes
from tests.real.harness.product import OK, REFUSED, Running
from tests.real.plane.api import Api
from tests.real.plane.plane import Plane

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def crashes(plane: Plane, api: Api, runner: Path, tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    found, _ = crash.small(plane, api, runner, tmp_path_factory.mktemp("standing"), RUNNER)
    assert found.product.platform is not None
    uid = api.call("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
    _declare(found.product.platform, uid)
    return found


def _declare(path: Path, uid: str) -> None:
    """Make it production with a window every day that is open now, to which nobody has agreed, after a staging."""
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    opened = datetime.now(UTC) - timedelta(hours=1)
    staging = {"name": "staging", "production": False, "clusters": [{"name": "rehearsal-stage", "uid": "another"}]}
    nightly = {
        "name": "nightly",
        "rrule": "FREQ=DAILY",
        "start": f"{opened:%H:%M}",
        "duration": "8h",
        "zone": "UTC",
        "content": ["os"],
    }
    document["environments"][0] |= {"production": True, "follows": "staging", "windows": [nightly]}
    document["environments"][0]["clusters"][0]["uid"] = uid
    document["environments"].append(staging)
    document["people"] = [{"name": "on-call", "identity": "oncall-user"}, {"name": "lead", "identity": "lead-user"}]
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def saw(going: Running, words: str, within_s: float = 60) -> None:
    """Wait until it has written that."""
    until = time.monotonic() + within_s
    while words not in going.text():
        assert time.monotonic() < until, f"it never said {words!r}\n{going}"
        assert not going.over, f"it ended before it said {words!r}\n{going}"
        time.sleep(0.2)


@pytest.mark.requirement("R-B3", "R-C3", "R-C7")
def test_a_run_that_nobody_agreed_to_touches_nothing_and_goes_on_once_people_said_so(
    api: Api, crashes: Crashes
) -> None:
    product = crashes.product
    planned = night.plan(product, "agreed", list(crashes.nodes), "--window", "nightly")
    words = ("run", planned.file, *product.live(), *product.with_platform(), "--without-rehearsal", "gates are tried")
    before = crashes.counts()
    answer = product.call(*words, "--hold-for", "5s", codes=(REFUSED,))
    assert "window-agreed is closed: test/nightly: nobody agreed to it" in answer.err
    assert "nightly --environment test --by WHO" in answer.err, "the way on is said"
    assert crashes.counts() == before, "a run that nobody agreed to rebooted a node"
    assert night.unclean(api) == []

    asked = product.call("windows", "gates", planned.file, *product.with_platform(), "-o", "json", codes=(REFUSED,))
    states = {item["gate"]: item["state"] for item in asked.json["items"]}
    assert states["window-agreed"] == states["staging-first"] == "closed"
    assert states["window-content"] == states["not-frozen"] == "open"

    going = product.start(*words)
    saw(going, "window-agreed is closed")
    product.call("windows", "agree", "nightly", "--by", "application owners", "--environment", "test")
    saw(going, "staging-first is closed")
    because = ("--reason", "exploited in the wild", "--by", "on-call", "--second", "lead")
    product.call("windows", "emergency", planned.file, *because)
    assert going.wait(300) == OK, str(going)
    assert "window-agreed is open: test/nightly: agreed by application owners" in going.text()
    assert "declared by on-call (oncall-user) and lead (lead-user): exploited in the wild" in going.text()
    assert {node: count - before[node] for node, count in crashes.counts().items()} == dict.fromkeys(crashes.nodes, 1)
    assert night.unclean(api) == []
