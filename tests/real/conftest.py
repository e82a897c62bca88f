"""A plane a module, as the real suites share it.

A module that wants another minor than the default says ``MINOR = "1.34"``. Without the binaries the suites skip with
one line; with ``SHIPKEEPER_REQUIRE_REAL=1`` (continuous integration, where they can be had) they fail.
``SHIPKEEPER_TEST_PLANES`` names another folder for the planes, so that two people can work on one machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.real.harness import rights
from tests.real.plane import plane as planes
from tests.real.plane.api import Api
from tests.real.plane.cluster import reset
from tests.real.plane.plane import Plane

DEFAULT_MINOR = "1.36"
RUNNER = "night-runner"
TIMEOUT_S = 1200
"""For each test here: nights take minutes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The fast suite's time limit is not for these."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


def _start(minor: str) -> Plane:
    folder = os.environ.get("SHIPKEEPER_TEST_PLANES")
    try:
        return planes.start(minor, Path(folder) / f"test-{minor}" if folder else None)
    except planes.Unavailable as gone:
        not_here(f"no real control plane {minor}: {gone}")


def not_here(line: str) -> NoReturn:
    """End a test whose real parts cannot be had: skipped, or failed where they must be there."""
    if os.environ.get("SHIPKEEPER_REQUIRE_REAL") == "1":
        pytest.fail(line, pytrace=False)
    pytest.skip(line)


@pytest.fixture(scope="module")
def plane(request: pytest.FixtureRequest) -> Iterator[Plane]:
    """A running control plane of the module's minor; whatever an earlier module left behind is gone."""
    found = _start(getattr(request.module, "MINOR", DEFAULT_MINOR))
    try:
        with found.api() as admin:
            reset(admin)
            rights.withdraw(admin)
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="module")
def api(plane: Plane) -> Iterator[Api]:
    """The tests' own client, as administrator: for the oracle, never for the product."""
    with plane.api() as admin:
        yield admin


@pytest.fixture(scope="module")
def runner(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of a user without any rights but those that a test gives it."""
    return plane.user(RUNNER, [], tmp_path_factory.mktemp("runner") / "runner.kubeconfig")
