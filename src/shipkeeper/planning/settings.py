"""What the platform file says about one cluster: which entry is meant, and which reboot driver holds."""

from __future__ import annotations

import difflib

from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.plan import RebootPlan
from shipkeeper.model.platform import ClusterConfig, Environment, Platform
from shipkeeper.model.time import SECOND, parse_duration
from shipkeeper.planning.request import MANUAL, NodesRequest


def find_cluster(platform: Platform, name: str, known_as: str = "") -> tuple[Environment, ClusterConfig] | None:
    """The cluster of that name; without a name the one whose name or context is ``known_as``, or the only one.

    None when the file names no cluster, or several and nothing tells which. Raises UsageProblem for a name that is
    not in the file.
    """
    entries = [(env, cluster) for env in platform.environments for cluster in env.clusters]
    if name:
        found = [entry for entry in entries if entry[1].name == name]
        if not found:
            names = [cluster.name for _, cluster in entries]
            close = difflib.get_close_matches(name, names, n=1)
            raise UsageProblem(
                f"the platform file has no cluster called {name!r}",
                hint=f"did you mean {close[0]}?" if close else f"it has: {', '.join(names) or 'none'}",
            )
        return found[0]
    if known_as:
        found = [entry for entry in entries if known_as in (entry[1].name, entry[1].context)]
        if found:
            return found[0]
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
        note = "no reboot driver is configured: a person reboots each node and says so (shipkeeper runs reboot-done)"
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
