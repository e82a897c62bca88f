"""The whole platform as one kubectl List."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.app.demo_platform import commons, nodes, workloads
from shipkeeper.app.demo_platform.crds import crds
from shipkeeper.app.demo_platform.flux import flux
from shipkeeper.app.demo_platform.helm import records
from shipkeeper.app.demo_platform.naming import FIRST, Moment
from shipkeeper.app.demo_platform.parts import App
from shipkeeper.app.demo_platform.placing import Machine, Placed, machines, place
from shipkeeper.app.demo_platform.podspec import Json, pod
from shipkeeper.app.demo_platform.reports import reports
from shipkeeper.app.demo_platform.stack import DAEMONS, STACK
from shipkeeper.app.demo_platform.teams import TEAMS
from shipkeeper.app.demo_platform.upkeep import upkeep

APPS: tuple[App, ...] = (*DAEMONS, *STACK, *TEAMS)
_MORE_NAMESPACES = ("default", "kube-node-lease", "kube-public")


def build(moment: Moment = FIRST) -> Json:
    """Every object, by kind, then namespace and name: what ``kubectl get KINDS -A -o json`` writes."""
    machine_park = machines()
    placed = _place_all(machine_park)
    for one in placed:
        if one.app.storage:
            one.machine.volumes.append(commons.volume_name(one))
    items = [
        *commons.namespaces({app.namespace for app in APPS} | set(_MORE_NAMESPACES)),
        *_machines(machine_park, moment),
        *_workloads(placed),
        *commons.cron_jobs(APPS),
        *commons.priority_classes(),
        commons.storage_class(),
        *commons.limits(),
        *commons.webhooks(),
        commons.api_service(),
        commons.forgotten(),
        *commons.events(placed),
        *crds(),
        *flux(moment),
        *records(APPS, moment),
        *reports(APPS, machine_park, nodes.STATIC, moment),
        *upkeep(APPS, moment),
    ]
    items.sort(key=_place)
    return {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}


def _place_all(park: list[Machine]) -> list[Placed]:
    """Daemon pods everywhere, then what is tied to a node, then the largest first, as they would have settled."""
    ordered = sorted(
        enumerate(APPS), key=lambda item: (item[1].kind != "DaemonSet", not item[1].on, -item[1].replicas, item[0])
    )
    return [placed for _, app in ordered for placed in place(app, park)]


def _machines(park: Sequence[Machine], moment: Moment) -> list[Json]:
    found = nodes.leader_leases(moment)
    for machine in park:
        found += [
            nodes.node(machine),
            nodes.csi_node(machine),
            nodes.lease(machine, moment),
            *nodes.static_pods(machine),
        ]
    return found


def _workloads(placed: Sequence[Placed]) -> list[Json]:
    found: list[Json] = []
    for app in APPS:
        mine = sorted((one for one in placed if one.app is app), key=lambda one: one.index)
        found += workloads.workload(app, mine)
        found += workloads.budgets(app, mine)
        found += workloads.service(app, mine)
        found += workloads.autoscaler(app, mine)
        for one in mine:
            found.append(pod(one, workloads.pod_owner(app)))
            if app.storage:
                found += commons.storage(one)
    return found


def _place(item: Json) -> tuple[str, str, str, str]:
    metadata = item["metadata"]
    return item["kind"], item["apiVersion"], metadata.get("namespace", ""), metadata["name"]
