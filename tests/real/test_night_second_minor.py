"""The subset on an older minor: a night of three nodes as rehearsed, and two of the kills."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.conftest import RUNNER
from tests.real.harness import crash, night, record
from tests.real.harness.compare import compare
from tests.real.harness.crash import Crashes
from tests.real.plane.api import Api
from tests.real.plane.observer import Observer
from tests.real.plane.plane import Plane

pytestmark = pytest.mark.real
MINOR = "1.34"


@pytest.fixture(scope="module")
def crashes(plane: Plane, api: Api, runner: Path, tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    assert plane.server_version.startswith("v1.34."), plane.server_version
    found, _ = crash.small(plane, api, runner, tmp_path_factory.mktemp("older"), RUNNER)
    return found


@pytest.mark.requirement("R-D2")
def test_a_night_of_three_nodes_goes_as_rehearsed(
    api: Api, crashes: Crashes, capsys: pytest.CaptureFixture[str]
) -> None:
    before = crashes.counts()
    forecast = night.rehearse(crashes.product, crashes.planned)
    assert forecast["verdict"] == "fits", forecast["blocked"]
    with Observer(api) as seen:
        run, _ = night.run(crashes.product, crashes.planned)
    rows = night.rows(crashes.product, run)
    found = compare("older", forecast, rows)
    with capsys.disabled():
        print(f"\n{found.table()}", flush=True)
    crashes.prove(run, before)
    assert all(state in ("done", "skipped") for state in record.states(rows).values()), record.states(rows)
    assert not seen.gaps
    assert not seen.violations(), seen.explain()
    assert abs(found.off) <= found.allowed, found.table()


@pytest.mark.parametrize("point", ["{1}/drain:outcome:before", "{2}/reboot:outcome:before"])
def test_killed_once_it_is_resumed_to_its_end(crashes: Crashes, point: str) -> None:
    crashes.one(point.format(*crashes.nodes))
