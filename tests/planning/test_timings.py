"""Times: declared before measured before modelled, each labelled."""

from __future__ import annotations

import pytest

from shipkeeper.model.errors import BadInput
from shipkeeper.model.platform import ClusterConfig, TimingConfig
from shipkeeper.planning.timings import derive_timings, parse_spread, readiness_of, spread, termination_of
from tests.builders import NOW, deployment, inventory, node, pod

HOUR_AGO = NOW - 3_600_000


def took(seconds: int, **more):
    return {"scheduled_ms": HOUR_AGO, "ready_ms": HOUR_AGO + seconds * 1000} | more


def test_readiness_is_measured_from_pods_and_named_with_its_samples():
    timings = derive_timings(inventory(node(), deployment("web", on=("n1",) * 3, pod_fields=took(40))))
    assert timings.readiness["Deployment/default/web"] == (40.0, 60.0), "few samples must widen the 95th percentile"
    assert timings.sources["readiness:Deployment/default/web"] == "measured (3 samples)"
    assert timings.sources["readiness:*"] == "modelled", "three samples cannot stand for everything else"


def test_enough_samples_stand_for_workloads_without_history():
    timings = derive_timings(inventory(node(), deployment("web", on=("n1",) * 12, pod_fields=took(40))))
    assert timings.readiness["*"] == (40.0, 60.0)
    assert timings.sources["readiness:*"] == "measured (12 samples, all workloads)"


@pytest.mark.parametrize(
    "fields",
    [took(40, restarts=1), took(40, ready=False), took(3_000), {"scheduled_ms": 0}, {"ready_ms": 0}],
)
def test_pods_that_would_lie_are_left_out(fields):
    timings = derive_timings(inventory(node(), deployment("web", on=("n1",), pod_fields=fields)))
    assert "Deployment/default/web" not in timings.readiness


def test_pods_without_controller_have_no_readiness_of_their_own():
    assert set(derive_timings(inventory(node(), pod("alone"))).readiness) == {"*"}


def test_what_people_declare_wins():
    declared = TimingConfig(
        reboot="4m/6m", readiness={"Deployment/default/web": "90s"}, termination={"*": "5s/20s"}, stable_ready="45s"
    )
    timings = derive_timings(
        inventory(node(), deployment("web", on=("n1",), pod_fields=took(40))),
        ClusterConfig(name="prod", timings=declared),
    )
    assert timings.reboot_seconds == (240.0, 360.0)
    assert timings.readiness["Deployment/default/web"] == (90.0, 90.0)
    assert timings.stable_ready_seconds == 45.0
    assert {timings.sources[k] for k in ("reboot", "readiness:Deployment/default/web", "termination:*")} == {"declared"}


def test_termination_is_the_grace_period_unless_known_and_never_longer():
    unknown = derive_timings(inventory(node()))
    assert termination_of(unknown, "Deployment/a/b", 30_000) == (30_000, 30_000)
    known = derive_timings(
        inventory(node()), ClusterConfig(name="x", timings=TimingConfig(termination={"*": "5s/60s"}))
    )
    assert termination_of(known, "Deployment/a/b", 30_000) == (5_000, 30_000)
    assert readiness_of(known, "Deployment/a/b") == (15_000, 60_000)


@pytest.mark.parametrize("text", ["", "fast", "5m/3m", "3m/", "-1s"])
def test_what_is_not_a_time_is_refused(text):
    if text == "3m/":
        assert parse_spread(text) == (180.0, 180.0)
        return
    with pytest.raises(BadInput):
        parse_spread(text)


def test_percentiles_are_nearest_rank():
    assert spread([1000 * i for i in range(1, 101)]) == (50.0, 95.0)
    assert spread([7_000]) == (7.0, 10.5)
