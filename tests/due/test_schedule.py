"""The default schedule, row by row, and how platforms change it."""

from __future__ import annotations

import pytest

from shipkeeper.knowledge.cadence import recurs
from shipkeeper.knowledge.schedule import default_schedule, merged_schedule
from shipkeeper.model.schedule import LEVELS, Task

TABLE = (
    "trivy-db", "falco-rules", "tracee-policies", "kyverno-policies", "keycloak", "hsm-firmware", "helm-charts",
    "talos", "kubernetes",
)  # fmt: skip
"""Ids of the nine rows of the published schedule, in its order."""

VECTOR = """
Trivy vulnerability DB update|Daily (automatic)|None|None — background update
Falco rule updates|Monthly or on new threat advisory|None|Falco pod restart (seconds)
Tracee policy updates|As needed|None|Tracee pod restart (seconds)
Kyverno policy changes|As needed|None (Audit) / Low (Enforce)|Brief admission delay during rollout
Keycloak upgrades|Quarterly|15–30 minutes|Authentication unavailable during rollout
HSM firmware updates|As released by vendor|30–60 minutes per HSM|None if HA (update one HSM at a time)
Helm chart version updates|As released (Renovate Bot)|None|Rolling pod restarts
Talos OS upgrades|As released|See Talos Upgrades|Rolling node reboots
Kubernetes version upgrades|Quarterly|See Talos Upgrades|Rolling node reboots
"""


@pytest.mark.requirement("R-B1")
def test_the_published_table_is_the_default_row_by_row():
    rows = {task.id: task for task in default_schedule()}
    table = [rows[name] for name in TABLE]
    said = [f"{t.task}|{t.cadence}|{t.needs_window}|{t.impact}" for t in table]
    assert said == VECTOR.strip().splitlines()


@pytest.mark.requirement("R-B1")
def test_the_weekly_hsm_review_is_there_too():
    review = next(task for task in default_schedule() if task.id == "hsm-audit-log")
    assert recurs(review) == ("weekly",)


def test_every_row_has_what_a_program_needs():
    rows = default_schedule()
    assert len({task.id for task in rows}) == len(rows)
    for task in rows:
        assert recurs(task) == task.recurs, f"{task.id}: the words and the text say different things"
        assert task.level in LEVELS
        assert "retrieved 2026-" in task.source, f"{task.id} does not say where and when it was read"


def test_the_text_alone_gives_the_same_words():
    from shipkeeper.knowledge.cadence import parse_cadence

    for task in default_schedule():
        assert parse_cadence(task.cadence) == task.recurs, task.id


def test_a_platform_replaces_rows_and_adds_its_own():
    own = Task(id="keycloak", task="Keycloak", level="core", cadence="monthly", needs_window="1 h")
    more = Task(id="certs", task="Root certificate", level="core", cadence="yearly", needs_window="None")
    rows = merged_schedule((more, own))
    assert [task.id for task in rows] == [*(t.id for t in default_schedule()), "certs"]
    assert next(task for task in rows if task.id == "keycloak") is own
