"""The boxes a person would tick before and after a maintenance: computed where a cluster can tell, ticked where not.

What is asked follows the maintenance pages of Compliant Kubernetes and Welkin (state of the environment, pods, nodes,
jobs and backups; notices; silences; log-ins; fresh metrics and logs), in words of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from shipkeeper.evidence import boxes
from shipkeeper.evidence.boxes import Answer
from shipkeeper.evidence.words import seconds
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan
from shipkeeper.model.run import ChecklistItem
from shipkeeper.model.time import DAY, iso, parse_instant

OURS = "shipkeeper"
"""``by`` of a box that was computed."""

STATES = ("done", "open", "failed", "unknown", "not-applicable")


class Seen(Struct, frozen=True):
    """What a checklist looks at. ``baseline`` is the inventory read before the run; ``role``: sc, wc or single."""

    inventory: Inventory | None
    plan: Plan
    cluster: str
    now_ms: int
    forecast: Forecast | None = None
    baseline: Inventory | None = None
    role: str = "single"


class Box(Struct, frozen=True):
    """One box. ``answer`` None: only a person can tick it. ``needs``: resources that it cannot be answered without."""

    id: str
    text: str
    how: str
    answer: Callable[[Seen], Answer | None] | None = None
    needs: tuple[str, ...] = ()


def read(when: str, seen: Seen) -> tuple[ChecklistItem, ...]:
    """Every box of the list before or after, as it is now. Boxes for people come back open."""
    return tuple(_item(box, seen) for box in CATALOGUE[when])


def known(when: str) -> tuple[str, ...]:
    """Ids of the boxes, in order."""
    return tuple(box.id for box in CATALOGUE[when])


def in_order(when: str, items: Iterable[ChecklistItem]) -> tuple[ChecklistItem, ...]:
    """The items in the catalogue's order; ones it does not know come last."""
    place = {id: index for index, id in enumerate(known(when))}
    return tuple(sorted(items, key=lambda item: (place.get(item.id, len(place)), item.cluster, item.id)))


def counts(items: Iterable[ChecklistItem]) -> dict[str, int]:
    """How many boxes are in each state."""
    found = dict.fromkeys(STATES, 0)
    for item in items:
        found[item.state] += 1
    return found


def _item(box: Box, seen: Seen) -> ChecklistItem:
    how = box.how.format(plan=seen.plan.digest, role=seen.role)
    blank = ChecklistItem(id=box.id, text=box.text, cluster=seen.cluster, how=how)
    if box.answer is None:
        return blank
    if seen.inventory is None and box.needs:
        answer: Answer | None = ("open", "no cluster was read: give --context NAME or --from FILE")
    elif seen.inventory is not None and (missing := boxes.unread(seen.inventory, *box.needs)):
        answer = missing
    else:
        answer = box.answer(seen)
    if answer is None:
        return blank
    state, reading = answer
    at = "" if state == "open" else iso(seen.inventory.taken_ms if seen.inventory and box.needs else seen.now_ms)
    return ChecklistItem(
        id=box.id,
        text=box.text,
        cluster=seen.cluster,
        state=state,
        reading=reading,
        by="" if state == "open" else OURS,
        at=at,
        how=how,
    )


def _of(look: Callable[[Inventory], Answer]) -> Callable[[Seen], Answer | None]:
    return lambda seen: look(seen.inventory) if seen.inventory is not None else None


def _planned(look: Callable[[Inventory, Plan], Answer]) -> Callable[[Seen], Answer | None]:
    return lambda seen: look(seen.inventory, seen.plan) if seen.inventory is not None else None


def _pods(seen: Seen) -> Answer | None:
    return boxes.pods_healthy(seen.inventory, seen.baseline) if seen.inventory is not None else None


def _workloads(seen: Seen) -> Answer | None:
    return boxes.workloads_well(seen.inventory, seen.baseline) if seen.inventory is not None else None


def _nodes(seen: Seen) -> Answer | None:
    return boxes.nodes_as_before(seen.inventory, seen.plan, seen.baseline) if seen.inventory is not None else None


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
    return "done", reading


def _platform_tests(seen: Seen) -> Answer | None:
    if seen.role == "single":
        return "not-applicable", "the platform file names no service cluster (sc) or workload cluster (wc)"
    return None


def _versions(seen: Seen) -> Answer:
    return "not-applicable", "this plan moves and reboots nodes; it changes no version that developers use"


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


_PODS = (
    "kubectl get pods -A -o custom-columns='NAMESPACE:.metadata.namespace,POD:.metadata.name,"
    "READY:.status.containerStatuses[*].ready,REASON:.status.containerStatuses[*].state.terminated.reason'"
    " | grep false | grep -v Completed"
)
_TESTS = "./bin/ck8s test {role}"
_KEEPERS = ("deployments", "statefulsets")
_SILENCE = "amtool silence query"

CATALOGUE: Mapping[str, tuple[Box, ...]] = {
    "before": (
        Box("users-told", "Users were told when it begins and what they may notice", "shipkeeper notices preview PLAN"),
        Box(
            "developers-told",
            "Developers were told in time about APIs and versions that change",
            "shipkeeper notices preview PLAN --audience developers",
            _versions,
        ),
        Box("window-agreed", "Those who depend on the platform agreed to this window", "shipkeeper config show"),
        Box(
            "rehearsed",
            "The plan was rehearsed in the last 24 hours and fits",
            "shipkeeper rehearse PLAN --context NAME",
            _rehearsed,
        ),
        Box(
            "everything-read",
            "Everything that the checks need could be read",
            "kubectl auth can-i --list",
            _of(boxes.everything_read),
            ("nodes", "pods"),
        ),
        Box(
            "pods-healthy",
            "Every pod is running and ready",
            _PODS,
            _of(boxes.pods_healthy),
            ("pods",),
        ),
        Box(
            "nodes-ready",
            "Every node is Ready, and none is cordoned unexpectedly",
            "kubectl get nodes",
            _planned(boxes.nodes_ready),
            ("nodes",),
        ),
        Box(
            "jobs-settled",
            "No Job failed, and none runs that must not be interrupted",
            "kubectl get jobs -A",
            _of(boxes.jobs_settled),
            ("jobs",),
        ),
        Box(
            "rollouts-settled",
            "No rollout is under way",
            "kubectl rollout status -n NAMESPACE deployment/NAME",
            _of(boxes.rollouts_settled),
            ("deployments", "statefulsets", "daemonsets"),
        ),
        Box(
            "budgets-allow",
            "Every disruption budget over the pods to move allows an eviction",
            "kubectl get pdb -A",
            _planned(boxes.budgets_allow),
            ("poddisruptionbudgets", "pods"),
        ),
        Box(
            "room",
            "The other nodes have room while planned ones are away",
            "kubectl describe nodes | grep -A8 'Allocated resources'",
            _planned(boxes.room_with_nodes_out),
            ("nodes", "pods"),
        ),
        Box("releases-well", "No Helm release failed or is pending", "helm list -A --failed --pending"),
        Box("changes-pending", "No change to the environment waits to be applied", "look at open merge requests"),
        Box("backups-recent", "The newest backup is complete and recent enough", "velero get backup"),
        Box("alerts-known", "Every alert that fires is known, and none speaks against it", "amtool alert query"),
        Box("alerts-silenced", "Alerts are silenced for the window; the heartbeat is not", "amtool silence add …"),
        Box("platform-tests", "The platform's own tests pass", _TESTS, _platform_tests),
    ),
    "after": (
        Box(
            "nodes-as-before",
            "Every node is there and Ready, as before or better",
            "kubectl get nodes",
            _nodes,
            ("nodes",),
        ),
        Box(
            "nodes-rebooted",
            "Every planned node has a new boot id",
            "kubectl get nodes -o custom-columns='NAME:.metadata.name,BOOT:.status.nodeInfo.bootID'",
            _planned(boxes.nodes_rebooted),
            ("nodes",),
        ),
        Box(
            "kernels",
            "The planned nodes run the expected kernel",
            "kubectl get nodes -o wide",
            _planned(boxes.kernels_same),
            ("nodes",),
        ),
        Box(
            "cordons-lifted",
            "Nothing is left cordoned by this maintenance",
            "kubectl get nodes",
            _planned(boxes.cordons_lifted),
            ("nodes",),
        ),
        Box(
            "pods-healthy",
            "Every pod is running and ready, as before or better",
            _PODS,
            _pods,
            ("pods",),
        ),
        Box(
            "workloads-well",
            "Every workload is at least as well as before",
            "kubectl get deployments,statefulsets,daemonsets -A",
            _workloads,
            ("deployments", "statefulsets", "daemonsets"),
        ),
        Box(
            "budgets-whole",
            "Every disruption budget has all the healthy pods it wants",
            "kubectl get pdb -A",
            _of(boxes.budgets_whole),
            ("poddisruptionbudgets",),
        ),
        Box("platform-tests", "The platform's own tests pass", _TESTS, _platform_tests),
        Box("alerts-closed", "Every alert that the maintenance raised has closed", "amtool alert query"),
        Box("login-grafana", "People can log in to Grafana", "log in", _log_in("grafana"), _KEEPERS),
        Box("login-opensearch", "People can log in to OpenSearch", "log in", _log_in("opensearch"), _KEEPERS),
        Box("login-harbor", "People can log in to Harbor", "log in", _log_in("harbor"), _KEEPERS),
        Box("metrics-fresh", "Fresh metrics are seen", "look at a dashboard: the newest point is under 5 min old"),
        Box("logs-fresh", "Fresh logs are seen", "look at the logs: the newest line is under 5 min old"),
        Box("alerts-on", "The silences of this maintenance are lifted", _SILENCE),
        Box("users-told", "Users were told that it is over", "shipkeeper notices preview PLAN --kind done"),
        Box(
            "retrospective",
            "The retrospective was held and its actions have owners",
            "shipkeeper evidence write RUN --out report/",
        ),
    ),
}
"""``before`` and ``after``: the boxes in the order in which they are asked."""
