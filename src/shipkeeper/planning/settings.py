"""What the platform file says about one cluster: which entry is meant, and which reboot driver holds."""

from __future__ import annotations

import difflib

from shipkeeper.model.errors import Refused, UsageProblem
from shipkeeper.model.plan import RebootPlan
from shipkeeper.model.platform import ClusterConfig, Environment, Platform
from shipkeeper.model.time import SECOND, parse_duration
from shipkeeper.planning.request import MANUAL, NodesRequest


def find_cluster(
    platform: Platform, name: str, known_as: str = "", uid: str = ""
) -> tuple[Environment, ClusterConfig] | None:
    """The cluster of that name; without a name the one of that kube-system UID, the one whose name or context is
    ``known_as``, or the only one.

    None when the file names no cluster, or several and nothing tells which. Raises UsageProblem for a name that is
    not in the file, Refused when the file says that the cluster found has another UID.
    """
    entries = [(env, cluster) for env in platform.environments for cluster in env.clusters]
    found = _named(entries, name) if name else _recognised(entries, known_as, uid)
    if found is not None and uid and found[1].uid and found[1].uid != uid:
        raise Refused(
            f"the platform file knows {found[1].name} as another cluster",
            code="other-cluster",
            object=f"cluster {found[1].name}",
            why=f"its kube-system has UID {found[1].uid} there and {uid} here",
            hint="name the right cluster with --cluster, or mend uid in the platform file",
        )
    return found


def _named(entries: list[tuple[Environment, ClusterConfig]], name: str) -> tuple[Environment, ClusterConfig]:
    names = [cluster.name for _, cluster in entries]
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        raise UsageProblem(
            f"the platform file has no cluster called {name!r}",
            hint=f"did you mean {close[0]}?" if close else f"it has: {', '.join(names) or 'none'}",
        )
    return entries[names.index(name)]


def _recognised(
    entries: list[tuple[Environment, ClusterConfig]], known_as: str, uid: str
) -> tuple[Environment, ClusterConfig] | None:
    for entry in entries:
        if uid and entry[1].uid == uid:
            return entry
    for entry in entries:
        if known_as and known_as in (entry[1].name, entry[1].context):
            return entry
    return entries[0] if len(entries) == 1 else None


def reboot_plan(request: NodesRequest, platform: Platform, cluster: ClusterConfig | None) -> tuple[RebootPlan, str]:
    """The driver that the plan reboots with, and a note where it was not chosen by anybody.

    Flag first, then the cluster's ``rebootWith``, then the only driver of the file, else manual. Raises UsageProblem
    for a driver that is not in the platform file.
    """
    if request.action == "none":
        return RebootPlan(driver="none"), ""
    name = request.driver or (cluster.drain.reboot_with if cluster is not None else "")
    note = ""
    if not name and len(platform.reboot_drivers) == 1:
        name = next(iter(platform.reboot_drivers))
        note = f"rebooting with {name}, the only driver of the platform file"
    if not name:
        name = MANUAL
        note = "no reboot driver is configured: a person reboots each node when the run asks for it, and it watches"
    config = platform.reboot_drivers.get(name)
    if config is None:
        if name == MANUAL:
            return RebootPlan(driver=MANUAL), note
        names = [*sorted(platform.reboot_drivers), MANUAL]
        close = difflib.get_close_matches(name, names, n=1)
        raise UsageProblem(
            f"there is no reboot driver called {name!r}",
            hint=f"did you mean {close[0]}?"
            if close
            else f"known: {', '.join(names)} (rebootDrivers in shipkeeper.yaml)",
        )
    return (
        RebootPlan(
            driver=name,
            argv=config.argv,
            timeout_seconds=parse_duration(config.timeout) // SECOND,
            delivered=config.delivered,
            environment=config.environment,
        ),
        note,
    )
