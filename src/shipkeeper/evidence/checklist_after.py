"""The boxes after a maintenance, in the order in which they are asked.

What is asked follows the maintenance pages of Compliant Kubernetes and Welkin: state of the environment (the
platform's own tests, pods, nodes, releases), alerts that did not close, log-ins, silences lifted, users told, fresh
metrics and logs; and that somebody looks back.
"""

from __future__ import annotations

from collections.abc import Callable

from shipkeeper.evidence import boxes
from shipkeeper.evidence import boxes_platform as platform
from shipkeeper.evidence.boxes import Answer
from shipkeeper.evidence.checklist_before import NODES, PODS, RELEASES, TESTS, platform_tests
from shipkeeper.evidence.checklist_box import Box, Seen, compared, of, planned, told

_KEEPERS = ("deployments", "statefulsets")


def _log_in(word: str) -> Callable[[Seen], Answer | None]:
    """A log-in is asked for where something of that name runs."""

    def answer(seen: Seen) -> Answer | None:
        if seen.inventory is None:
            return None
        found = [w for w in seen.inventory.workloads if word in w.name.lower() and w.desired and w.owner is None]
        if not found:
            return "not-applicable", f"no workload called {word} runs here"
        return "open", f"{found[0].kind} {found[0].namespace}/{found[0].name}"

    return answer


def _nodes(seen: Seen) -> Answer | None:
    if seen.inventory is None:
        return None
    return boxes.nodes_as_before(seen.inventory, seen.plan, seen.baseline, seen.own)


AFTER = (
    Box("nodes-as-before", "Every node is there and Ready, as before or better", NODES, _nodes, ("nodes",)),
    Box(
        "nodes-rebooted",
        "Every planned node has a new boot id",
        "{kubectl} get nodes -o custom-columns='NAME:.metadata.name,BOOT:.status.nodeInfo.bootID'",
        planned(boxes.nodes_rebooted),
        ("nodes",),
        about="plan",
    ),
    Box(
        "kernels",
        "The planned nodes run the expected kernel",
        "{kubectl} get nodes -o wide",
        planned(boxes.kernels_same),
        ("nodes",),
        about="plan",
    ),
    Box(
        "hosts-current",
        "No planned node still waits for a reboot or a security update",
        "on each node: ls /var/run/reboot-required; apt list --upgradable",
        planned(platform.hosts_current),
        ("nodes",),
        about="plan",
    ),
    Box(
        "cordons-lifted",
        "Nothing is left cordoned by this maintenance",
        NODES,
        planned(boxes.cordons_lifted),
        ("nodes",),
        about="plan",
    ),
    Box("platform-tests", "The platform's own tests pass", TESTS, platform_tests),
    Box(
        "pods-healthy",
        "Every pod is running and ready, as before or better",
        PODS,
        compared(boxes.pods_healthy),
        ("pods",),
    ),
    Box(
        "workloads-well",
        "Every workload is at least as well as before",
        "{kubectl} get deployments,statefulsets,daemonsets -A",
        compared(boxes.workloads_well),
        ("deployments", "statefulsets", "daemonsets"),
    ),
    Box(
        "budgets-whole",
        "Every disruption budget has all the healthy pods it wants",
        "{kubectl} get pdb -A",
        of(boxes.budgets_whole),
        ("poddisruptionbudgets",),
    ),
    Box(
        "releases-well",
        "Every Helm release is deployed, as before or better",
        RELEASES,
        compared(platform.releases_well),
        reads=True,
    ),
    Box(
        "flux-well",
        "Every Flux object is Ready, as before or better",
        "flux get all -A",
        compared(platform.flux_well),
        reads=True,
    ),
    Box("alerts-closed", "Every alert that the maintenance raised has closed", "amtool alert query", about="plan"),
    Box("login-grafana", "People can log in to Grafana", "log in", _log_in("grafana"), _KEEPERS),
    Box("login-opensearch", "People can log in to OpenSearch", "log in", _log_in("opensearch"), _KEEPERS),
    Box("login-harbor", "People can log in to Harbor", "log in", _log_in("harbor"), _KEEPERS),
    Box("metrics-fresh", "Fresh metrics are seen", "look at a dashboard: the newest point is under 5 min old"),
    Box("logs-fresh", "Fresh logs are seen", "look at the logs: the newest line is under 5 min old"),
    Box("alerts-on", "The silences of this maintenance are lifted", "amtool silence query", about="plan"),
    Box(
        "users-told",
        "Users were told that it is over",
        "shipkeeper notices send PLAN --kind done --by NAME",
        told("users-told"),
        about="plan",
    ),
    Box(
        "retrospective",
        "The retrospective was held and its actions have owners",
        "shipkeeper retro RUN",
        told("retrospective"),
        about="plan",
    ),
)
