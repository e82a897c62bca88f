"""kill -9 of the runner at every step boundary of a 3-node plan: a new process ends what the dead one began.

Killed by itself, at one exact record of the journal (`tests/real/harness/dying.py`): right after an intent was written,
after its effect but before the outcome was, and right after the outcome was.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.conftest import RUNNER
from tests.real.harness import crash, night, record
from tests.real.harness.crash import ALL, Crashes
from tests.real.harness.product import INTERRUPTED, OK
from tests.real.plane.api import Api
from tests.real.plane.observer import Observer
from tests.real.plane.plane import Plane

pytestmark = [pytest.mark.real, pytest.mark.requirement("R-E1")]


@pytest.fixture(scope="module")
def crashes(
    plane: Plane, api: Api, runner: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Crashes]:  # fmt: skip
    found, _ = crash.small(plane, api, runner, tmp_path_factory.mktemp("crash"), RUNNER)
    yield found
    path = found.product.folder / "tally.txt"
    path.write_text(f"{found.tally}\n")


POINTS = [
    "run-started:after",
    *(
        f"{{{turn}}}/{action}:{ALL[(turn + number) % 3]}"
        for turn in range(3)
        for number, action in enumerate(crash.ACTIONS)
    ),
    "run-ended:before",
]
"""One kill a run: once in every step of every node, and each kind of step in each of three ways."""


@pytest.mark.parametrize("point", POINTS)
def test_killed_once_it_is_resumed_to_its_end(crashes: Crashes, point: str) -> None:
    crashes.one(point.format(*crashes.nodes))


def test_killed_at_every_boundary_of_one_night_it_still_ends(
    api: Api, crashes: Crashes, capsys: pytest.CaptureFixture[str]
) -> None:
    with Observer(api) as seen:
        run = crashes.storm(crash.boundaries(crashes.nodes, ALL))
    assert not seen.gaps
    assert not seen.violations(), seen.explain()
    crashes.product.call("evidence", "write", run, "--out", "storm")
    crashes.product.call("evidence", "key", "--out", "pub.pem")
    lease = api.get("Lease", "shipkeeper", "kube-system")
    written, _, head = lease["metadata"]["annotations"]["maintenance.shipkeeper.dev/head"].split(" ")
    assert written == run
    crashes.product.call("evidence", "verify", "storm", "--key", "pub.pem", "--expect-head", head)
    with capsys.disabled():
        print(f"\n{crashes.tally}", flush=True)


def test_a_second_process_is_refused_while_the_first_one_lives(api: Api, crashes: Crashes) -> None:
    before = crashes.counts()
    first = crashes.start("", "run", crashes.planned.file)
    known = set(record.runs(crashes.product.journal))
    deadline = time.monotonic() + 30
    while not (made := set(record.runs(crashes.product.journal)) - known) and time.monotonic() < deadline:
        time.sleep(0.05)
    (run,) = made
    same = crashes.product.call("run", "--resume", run, *crashes.product.live(), codes=(4,))
    other = crashes.product.call("run", crashes.planned.file, *crashes.product.live(), codes=(4,))
    assert run in same.err + other.err, f"the holder is not named\n{same}\n{other}"
    assert first.wait(180) == OK, str(first)
    crashes.prove(run, before)


@pytest.mark.parametrize("action", ["drain", "reboot", "serves"])
def test_ctrl_c_stops_at_the_next_safe_point_and_the_run_goes_on_later(api: Api, crashes: Crashes, action: str) -> None:
    before = crashes.counts()
    known = set(record.runs(crashes.product.journal))
    running = crashes.start("", "run", crashes.planned.file)
    wanted = f"{crashes.nodes[0]}/{action}"

    def reached() -> bool:
        for run in set(record.runs(crashes.product.journal)) - known:
            rows = record.rows(crashes.product.journal, run)
            if any(row.kind == "step-intent" and row.event["step"] == wanted for row in rows):
                return True
        return False

    deadline = time.monotonic() + 60
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.02)
    running.child.send_signal(signal.SIGINT)
    assert running.wait(60) == INTERRUPTED, str(running)
    assert night.unclean(api) == [], f"Ctrl-C during {action} left a node away\n{running}"
    (run,) = set(record.runs(crashes.product.journal)) - known
    assert night.status(crashes.product, run)["state"] == "interrupted"
    crashes.end(run)
    crashes.prove(run, before)
