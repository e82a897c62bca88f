"""The boxes before a maintenance, in the order in which they are asked.

What is asked follows the maintenance pages of Compliant Kubernetes and Welkin: users told, pending changes, state of
the environment (the platform's own tests, pods, nodes, jobs, releases, backups), alerts silenced; and what these pages
take for granted: that the environment is sized and its go-live checklist was done.
"""

from __future__ import annotations

from shipkeeper.evidence import boxes
from shipkeeper.evidence import boxes_platform as platform
from shipkeeper.evidence.boxes import Answer
from shipkeeper.evidence.checklist_box import Box, Seen, compared, last_until, of, planned, told
from shipkeeper.evidence.words import seconds
from shipkeeper.model.time import DAY, parse_instant

PODS = (
    "{kubectl} get pods -A --no-headers | awk"
    ' \'{{split($3, ready, "/")}} $4 != "Completed" && ($4 != "Running" || ready[1] != ready[2])\''
)
"""Prints pods that are not running and ready, Pending ones too, and nothing when all is well; its exit code is 0."""
TESTS = "./bin/ck8s test {role}"
RELEASES = "helm list -A --all"
JOBS = "{kubectl} get jobs -A"
NODES = "{kubectl} get nodes"


def _rehearsed(seen: Seen) -> Answer:
    forecast = seen.forecast
    if forecast is None or forecast.plan_digest != seen.plan.digest:
        return "failed", "there is no forecast of this plan"
    took = f"P50 {seconds(forecast.duration_seconds.p50)}, P95 {seconds(forecast.duration_seconds.p95)}"
    reading = f"{forecast.verdict.replace('-', ' ')}: {took} over {forecast.seeds} seeds, made {forecast.made_at}"
    if forecast.verdict != "fits":
        return "failed", reading
    if seen.now_ms - parse_instant(forecast.made_at) > DAY:
        return "failed", f"{reading}; older than 24 h"
    if forecast.doubts:
        more = f", and {len(forecast.doubts) - 1} more" if len(forecast.doubts) > 1 else ""
        return "unknown", f"{reading}; as far as is known: {forecast.doubts[0]}{more}"
    return "done", reading


def platform_tests(seen: Seen) -> Answer | None:
    """The tests of Compliant Kubernetes are asked for where a cluster has a role in it."""
    if seen.role == "single":
        return "not-applicable", "the platform file names no service cluster (sc) or workload cluster (wc)"
    return "open", "read its counts of successes and failures: its exit code alone has lied in several versions"


def _versions(seen: Seen) -> Answer:
    return "not-applicable", "this plan moves and reboots nodes; it changes no version that developers use"


def _nodes(seen: Seen) -> Answer | None:
    return boxes.nodes_ready(seen.inventory, seen.plan, seen.own) if seen.inventory is not None else None


def _pending(seen: Seen) -> Answer | None:
    return platform.changes_pending(seen.inventory, seen.updates_read) if seen.inventory is not None else None


def _backups(seen: Seen) -> Answer | None:
    return platform.backups_recent(seen.inventory, seen.rpo) if seen.inventory is not None else None


def _certificates(seen: Seen) -> Answer | None:
    return platform.certificates_last(seen.inventory, last_until(seen)) if seen.inventory is not None else None


BEFORE = (
    Box(
        "users-told",
        "Users were told when it begins and what they may notice",
        "shipkeeper notices status PLAN",
        told("users-told"),
        about="plan",
    ),
    Box(
        "developers-told",
        "Developers were told in time about APIs and versions that change",
        "shipkeeper notices status PLAN",
        told("developers-told", _versions),
        about="plan",
    ),
    Box(
        "window-agreed",
        "Those who depend on the platform agreed to this window",
        "shipkeeper windows list --plan PLAN",
        told("window-agreed"),
        about="plan",
    ),
    Box(
        "rehearsed",
        "The plan was rehearsed in the last 24 hours and fits",
        "shipkeeper rehearse PLAN --context NAME",
        _rehearsed,
        about="plan",
    ),
    Box(
        "changes-pending",
        "No change to the environment waits to be applied",
        "look at open merge requests",
        _pending,
        reads=True,
    ),
    Box(
        "everything-read",
        "Everything that the checks need could be read",
        "{kubectl} auth can-i --list",
        of(boxes.everything_read),
        ("nodes", "pods"),
    ),
    Box("platform-tests", "The platform's own tests pass", TESTS, platform_tests),
    Box("pods-healthy", "Every pod is running and ready", PODS, of(boxes.pods_healthy), ("pods",)),
    Box("nodes-ready", "Every node is Ready, and none is cordoned unexpectedly", NODES, _nodes, ("nodes",)),
    Box(
        "jobs-settled",
        "No Job failed, and none runs that must not be interrupted",
        JOBS,
        of(boxes.jobs_settled),
        ("jobs",),
    ),
    Box(
        "rollouts-settled",
        "No rollout is under way",
        "{kubectl} rollout status -n NAMESPACE deployment/NAME",
        of(boxes.rollouts_settled),
        ("deployments", "statefulsets", "daemonsets"),
    ),
    Box("releases-well", "Every Helm release is deployed", RELEASES, compared(platform.releases_well), reads=True),
    Box(
        "flux-well",
        "Every Flux object is Ready, and none is suspended by oversight",
        "flux get all -A",
        compared(platform.flux_well),
        reads=True,
    ),
    Box(
        "backups-recent",
        "The newest backup is complete and recent enough",
        "velero get backup; {kubectl} get backups.postgresql.cnpg.io -A",
        _backups,
        reads=True,
    ),
    Box(
        "certificates-last",
        "Every certificate outlasts the next window",
        "{kubectl} get certificates -A; on a control-plane node: kubeadm certs check-expiration",
        _certificates,
        reads=True,
    ),
    Box(
        "sized",
        "The environment is sized: it bears the loss of a node of each group",
        "shipkeeper report readiness --context NAME",
        told("sized"),
        ("nodes", "pods"),
    ),
    Box(
        "go-live",
        "The go-live checklist was done: nothing in it is unmet",
        "shipkeeper report readiness --context NAME",
        told("go-live"),
        reads=True,
    ),
    Box(
        "budgets-allow",
        "Every disruption budget over the pods to move allows an eviction",
        "{kubectl} get pdb -A",
        planned(boxes.budgets_allow),
        ("poddisruptionbudgets", "pods"),
        about="plan",
    ),
    Box(
        "room",
        "The other nodes have room while planned ones are away",
        "{kubectl} describe nodes | grep -A8 'Allocated resources'",
        planned(boxes.room_with_nodes_out),
        ("nodes", "pods"),
        about="plan",
    ),
    Box(
        "hosts-updated",
        "The updates that the planned nodes wait for are installed before they are rebooted",
        "on each node: apt list --upgradable; ls /var/run/reboot-required",
        planned(platform.hosts_updated),
        ("nodes",),
        about="plan",
    ),
    Box(
        "alerts-known",
        "Every alert that fires is known, and none speaks against it",
        "amtool alert query",
        about="plan",
    ),
    Box(
        "alerts-silenced",
        "Alerts are silenced for the window; the heartbeat is not",
        "amtool silence add …",
        about="plan",
    ),
)
