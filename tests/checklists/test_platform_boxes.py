"""Boxes about the platform on Kubernetes: releases, Flux, backups, pending changes, certificates, hosts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.assessment.backups import judge_backups
from shipkeeper.evidence import boxes_platform as boxes
from shipkeeper.evidence.boxes import Answer
from shipkeeper.model.facts import NodeFacts, ProposedUpdate
from shipkeeper.model.inventory import Inventory, Missing
from shipkeeper.model.operands import (
    Backup,
    BackupLocation,
    BackupSchedule,
    Certificate,
    DatabaseCluster,
    RecoveryWindow,
)
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.releases import FluxObject, Release
from shipkeeper.model.time import DAY, HOUR
from tests import builders as b
from tests.evidence.sample_run import NODES, sample_plan

PLAN = sample_plan()


def seen(**fields: Any) -> Inventory:
    return b.inventory(*(b.node(name) for name in NODES), **fields)


def gap(field: str) -> tuple[Missing, ...]:
    return (Missing(field, "not allowed: forbidden", "x", field),)


def release(name: str, status: str = "deployed") -> Release:
    return Release("apps", name, 3, status)


def flux(kind: str, name: str, **more: Any) -> FluxObject:
    return FluxObject(kind, "flux-system", name, **({"ready": "True"} | more))


def velero(name: str, hours: float, phase: str = "Completed", **more: Any) -> Backup:
    started = b.NOW - int(hours * HOUR)
    return Backup("velero", "velero", name, phase, completed=phase == "Completed", started_ms=started, **more)


def nightly(**more: Any) -> BackupSchedule:
    return BackupSchedule("velero", "velero", "nightly", "0 2 * * *", **more)


def database(**more: Any) -> DatabaseCluster:
    return DatabaseCluster("keycloak", "pg", **({"backup_method": "plugin", "archiving": "Unknown"} | more))


def base(hours: float, phase: str = "completed") -> Backup:
    ended = b.NOW - int(hours * HOUR)
    return Backup("cnpg", "keycloak", "pg-1", phase, phase == "completed", ended, ended, cluster="pg")


RELEASES: dict[str, tuple[Inventory, Inventory | None, str, str]] = {
    "all deployed": (seen(releases=(release("a"), release("b"))), None, "done", "2 of 2 releases deployed"),
    "one failed": (seen(releases=(release("a"), release("b", "failed"))), None, "failed", "apps/b is failed"),
    "one pending": (seen(releases=(release("b", "pending-upgrade"),)), None, "failed", "apps/b is pending-upgrade"),
    "failed before too": (
        seen(releases=(release("b", "failed"),)),
        seen(releases=(release("b", "failed"),)),
        "done",
        "as before: apps/b",
    ),
    "status not told": (seen(releases=(release("b", "unknown"),)), None, "unknown", "not told: apps/b"),
    "not readable": (seen(missing=gap("releases")), None, "unknown", "forbidden"),
    "bad and not all readable": (
        seen(releases=(release("b", "failed"),), missing=gap("releases")),
        None,
        "failed",
        "b",
    ),
    "none": (seen(), None, "not-applicable", "no Helm release"),
}


@pytest.mark.requirement("R-D1")
@pytest.mark.parametrize("case", RELEASES)
def test_helm_releases(case: str) -> None:
    inventory, before, state, words = RELEASES[case]
    answer = boxes.releases_well(inventory, before)
    assert (answer[0], words in answer[1]) == (state, True), answer


FLUX: dict[str, tuple[tuple[FluxObject, ...], str, str]] = {
    "ready": ((flux("HelmRelease", "a"), flux("GitRepository", "g")), "done", "2 of 2 objects Ready"),
    "not ready": (
        (flux("HelmRelease", "a", ready="False", reason="UpgradeFailed"),),
        "failed",
        "not Ready (UpgradeFailed)",
    ),
    "stalled": ((flux("Kustomization", "a", stalled=True, stalled_reason="Retries"),), "failed", "stalled (Retries)"),
    "under way": ((flux("HelmRelease", "a", generation=2, observed_generation=1),), "failed", "not come to rest"),
    "suspended": ((flux("HelmRelease", "a", suspended=True, ready="False"),), "open", "1 suspended"),
}


@pytest.mark.requirement("R-D1")
@pytest.mark.parametrize("case", FLUX)
def test_flux_objects(case: str) -> None:
    objects, state, words = FLUX[case]
    answer = boxes.flux_well(seen(flux=objects))
    assert (answer[0], words in answer[1]) == (state, True), answer
    after = boxes.flux_well(seen(flux=objects), seen(flux=objects))
    assert after[0] == "done", f"what was so before does not fail the list after: {after}"


def test_flux_that_cannot_be_read_is_unknown_and_none_is_none() -> None:
    assert boxes.flux_well(seen(missing=gap("flux")))[0] == "unknown"
    assert boxes.flux_well(seen())[0] == "not-applicable"


UPDATE = ProposedUpdate("harbor", "1.14", "1.15", "renovate/harbor-1.x")
SOURCE = ObjectRef("GitRepository", "flux-system", "platform")
PENDING: dict[str, tuple[Inventory, bool, str, str]] = {
    "an update waits": (seen(updates=(UPDATE,)), True, "open", "1 proposed update: harbor 1.14 → 1.15"),
    "a revision that failed": (
        seen(flux=(flux("Kustomization", "a", last_applied="main@1", last_attempted="main@2"),)),
        True,
        "open",
        "main@1 applied, main@2 seen",
    ),
    "a source that is ahead": (
        seen(
            flux=(
                flux("Kustomization", "a", last_applied="main@1", last_attempted="main@1", source=SOURCE),
                flux("GitRepository", "platform", last_applied="main@2"),
            )
        ),
        True,
        "open",
        "main@1 applied, main@2 seen",
    ),
    "nothing waits": (
        seen(
            flux=(
                flux("Kustomization", "a", last_applied="main@2", last_attempted="main@2", source=SOURCE),
                flux("GitRepository", "platform", last_applied="main@2"),
            )
        ),
        True,
        "done",
        "no proposed update",
    ),
    "no repository was read": (seen(flux=(flux("Kustomization", "a"),)), False, "open", "no repository"),
    "nothing tells": (seen(), True, "open", "no Flux here"),
    "Flux not readable": (seen(missing=gap("flux")), True, "open", "nothing tells what Flux applies"),
}


@pytest.mark.requirement("R-D1")
@pytest.mark.parametrize("case", PENDING)
def test_pending_changes(case: str) -> None:
    inventory, read, state, words = PENDING[case]
    answer = boxes.changes_pending(inventory, read)
    assert (answer[0], words in answer[1]) == (state, True), answer


AWAY = BackupLocation("velero", "velero", "default", phase="Unavailable")
BACKUPS: dict[str, tuple[dict[str, Any], str, str]] = {
    "within the RPO": (
        {"backups": (velero("n-1", 3, schedule="nightly"),), "backup_schedules": (nightly(),)},
        "done",
        "n-1 3h00m old",
    ),
    "too old": (
        {"backups": (velero("n-1", 30, schedule="nightly"),), "backup_schedules": (nightly(),)},
        "failed",
        "n-1 30h00m old",
    ),
    "partly failed is none": (
        {"backups": (velero("n-1", 3, "PartiallyFailed"),)},
        "failed",
        "no completed backup; n-1 after it: PartiallyFailed",
    ),
    "the last try failed": (
        {"backups": (velero("n-1", 20), velero("n-2", 1, "Failed", failure="no space"))},
        "done",
        "n-2 after it: Failed (no space)",
    ),
    "one schedule of two": (
        {
            "backups": (velero("n-1", 3, schedule="nightly"),),
            "backup_schedules": (nightly(), BackupSchedule("velero", "velero", "db")),
        },
        "failed",
        "schedule db: no completed backup",
    ),
    "paused": (
        {"backups": (velero("n-1", 3, schedule="nightly"),), "backup_schedules": (nightly(suspended=True),)},
        "failed",
        "it is paused",
    ),
    "a schedule that is not valid": ({"backup_schedules": (nightly(phase="FailedValidation"),)}, "failed", "not valid"),
    "a place that is away": (
        {"backups": (velero("n-1", 3, location="default"),), "backup_locations": (AWAY,)},
        "failed",
        "default is Unavailable",
    ),
    "expired": ({"backups": (velero("n-1", 3, expires_ms=b.NOW - 1),)}, "failed", "no completed backup"),
    "a clock that is ahead": ({"backups": (velero("n-1", -3),)}, "unknown", "ahead of this clock"),
    "a database": (
        {"backups": (base(3),), "database_clusters": (database(),)},
        "done",
        "cnpg keycloak/pg: newest base backup 3h00m old",
    ),
    "a database without any": (
        {"database_clusters": (database(backup_method=""),)},
        "failed",
        "no backup is configured",
    ),
    "a base that waits for its logs": (
        {"backups": (base(1, "walArchivingFailing"),), "database_clusters": (database(),)},
        "failed",
        "no completed backup",
    ),
    "logs are not archived": (
        {"backups": (base(1),), "database_clusters": (database(archiving="False"),)},
        "failed",
        "not archived",
    ),
    "an old base, and logs of which nothing tells": (
        {"backups": (base(40),), "database_clusters": (database(archiving="True"),)},
        "unknown",
        "write-ahead log was archived is not told",
    ),
    "an old base and no logs": ({"backups": (base(40),), "database_clusters": (database(),)}, "failed", "40h00m old"),
    "known to the store alone": (
        {
            "backup_locations": (
                BackupLocation("cnpg", "keycloak", "s3", windows=(RecoveryWindow("pg", 0, b.NOW - HOUR),)),
            ),
            "database_clusters": (database(),),
        },
        "done",
        "newest base backup 1h00m old",
    ),
    "a database that sleeps": ({"database_clusters": (database(hibernated=True),)}, "unknown", "no backup of Velero"),
    "none at all": ({}, "unknown", "no backup of Velero or CloudNativePG"),
    "not readable": ({"missing": gap("backups")}, "unknown", "forbidden"),
    "fresh, and not all readable": (
        {"backups": (velero("n-1", 3),), "missing": gap("database_clusters")},
        "unknown",
        "not all",
    ),
    "stale, and not all readable": (
        {"backups": (velero("n-1", 90),), "missing": gap("database_clusters")},
        "failed",
        "3d18h old",
    ),
}


@pytest.mark.requirement("R-D3")
@pytest.mark.requirement("R-D1")
@pytest.mark.parametrize("case", BACKUPS)
def test_the_newest_backup_that_one_could_go_back_to(case: str) -> None:
    fields, state, words = BACKUPS[case]
    answer = boxes.backups_recent(seen(**fields), "24h")
    assert (answer[0], words in answer[1]) == (state, True), answer


def test_the_declared_objective_is_what_is_judged_by() -> None:
    inventory = seen(backups=(velero("n-1", 3),))
    assert boxes.backups_recent(inventory, "2h")[0] == "failed"
    assert "RPO 2h" in boxes.backups_recent(inventory, "2h")[1]
    assert "nobody declared an RPO" in boxes.backups_recent(inventory, "")[1], "an assumption is said to be one"


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from(["Completed", "Failed", "PartiallyFailed", "New"]))))
def test_backups_are_never_fresher_than_the_newest_that_completed(found: list[tuple[float, str]]) -> None:
    backups = tuple(velero(f"n-{i}", hours, phase) for i, (hours, phase) in enumerate(found))
    verdict = judge_backups(seen(backups=backups), "24h", b.NOW)
    good = [hours for hours, phase in found if phase == "Completed"]
    if verdict.state == "fresh":
        assert min(good) <= 24
    else:
        assert not good or min(good) > 24
    older = judge_backups(seen(backups=backups), "24h", b.NOW + 200 * HOUR)
    assert older.state != "fresh", "time alone made a backup fresh"


def certificate(days: float, *, renewal: float | None = None, **more: Any) -> Certificate:
    ends = b.NOW + int(days * DAY)
    when = 0 if renewal is None else b.NOW + int(renewal * DAY)
    return Certificate("web", "tls", **({"ready": "True", "not_after_ms": ends, "renewal_ms": when} | more))


CERTIFICATES: dict[str, tuple[Certificate, str, str]] = {
    "long": (certificate(90, renewal=60), "done", "1 certificate"),
    "renewed in time": (certificate(20, renewal=5), "done", "renewed before"),
    "ends before the window, and nothing renews it": (certificate(20), "failed", "ends 20"),
    "renewal is late": (certificate(20, renewal=-1), "failed", "should have been renewed"),
    "over": (certificate(-1), "failed", "is over"),
    "not ready": (certificate(90, ready="False", reason="Failed"), "failed", "not Ready (Failed)"),
    "failing": (certificate(90, renewal=60, failed_attempts=3), "failed", "failed to renew 3×"),
}


@pytest.mark.parametrize("case", CERTIFICATES)
def test_certificates_outlast_the_next_window(case: str) -> None:
    found, state, words = CERTIFICATES[case]
    answer = boxes.certificates_last(seen(certificates=(found,)), b.NOW + 30 * DAY)
    assert (answer[0], words in answer[1]) == (state, True), answer


def test_certificates_that_cannot_be_read() -> None:
    assert boxes.certificates_last(seen(missing=gap("certificates")), b.NOW)[0] == "unknown"
    assert boxes.certificates_last(seen(), b.NOW)[0] == "not-applicable"


def facts(**more: Any) -> tuple[NodeFacts, ...]:
    return tuple(NodeFacts(name, **more) for name in NODES)


HOSTS: dict[str, tuple[tuple[NodeFacts, ...], Answer, Answer]] = {
    "install by themselves": (
        facts(pending_security=2, automatic_security=True, reboot_required=True),
        ("done", "3 of them want a reboot"),
        ("failed", "still wants a reboot"),
    ),
    "wait for somebody": (
        facts(pending_security=2, automatic_security=False, reboot_required=False),
        ("open", "2 pending"),
        ("failed", "2 security updates"),
    ),
    "nothing waits": (
        facts(pending_security=0, reboot_required=False),
        ("done", "none of them asks"),
        ("done", "no reboot and no security update waits"),
    ),
    "came back with the kernel before": (
        facts(pending_security=0, reboot_required=False, kernel_running="5.15.0-100", kernel_installed="5.15.0-126"),
        ("done", "none of them asks"),
        ("open", "runs 5.15.0-100, and 5.15.0-126 is installed"),
    ),
    "nothing tells": ((), ("open", "no facts tell"), ("open", "no facts tell")),
    "one is silent": (facts(pending_security=0, reboot_required=False)[:2], ("open", NODES[2]), ("open", NODES[2])),
}


@pytest.mark.requirement("R-E4")
@pytest.mark.parametrize("case", HOSTS)
def test_hosts_before_and_after(case: str) -> None:
    found, before, after = HOSTS[case]
    for answer, expected in (
        (boxes.hosts_updated(seen(node_facts=found), PLAN), before),
        (boxes.hosts_current(seen(node_facts=found), PLAN), after),
    ):
        assert (answer[0], expected[1] in answer[1]) == (expected[0], True), answer
