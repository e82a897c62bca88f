"""The way a plan reboots its nodes, found by name among the installed drivers."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from shipkeeper.integrations.reboot_command.driver import CommandReboot
from shipkeeper.integrations.reboot_manual.driver import ManualReboot
from shipkeeper.integrations.system.commands import SystemCommands
from shipkeeper.integrations.system.secrets import ReferencedSecrets
from shipkeeper.model.errors import Refused, UsageProblem
from shipkeeper.model.plan import Plan
from shipkeeper.planning.request import MANUAL
from shipkeeper.ports.reboot import Reboot, RebootDriver

GROUP = "shipkeeper.reboot_drivers"
NONE = "none"
COMMAND = "command"
_BUILT_IN: dict[str, RebootDriver] = {COMMAND: CommandReboot, MANUAL: ManualReboot}


def reboot_driver(plan: Plan, environ: Mapping[str, str], kubeconfig: str = "") -> Reboot | None:
    """The driver that the plan names; None when the plan reboots nothing. ``environ`` is where secrets come from.

    A driver with an argument list runs as a command; another name is an entry point of the group
    ``shipkeeper.reboot_drivers``. Commands see ``kubeconfig`` as ``KUBECONFIG``. Raises UsageProblem for a driver
    that is not installed, Refused when two packages offer the same.
    """
    reboot = plan.reboot
    if reboot.driver == NONE:
        return None
    kind = COMMAND if reboot.argv else reboot.driver
    seen = {**environ, "KUBECONFIG": str(Path(kubeconfig).absolute())} if kubeconfig else environ
    return find_driver(kind).from_plan(reboot, seen, SystemCommands(), ReferencedSecrets(environ))


def find_driver(kind: str) -> RebootDriver:
    """The driver of that kind among the entry points, else the one that comes with Shipkeeper."""
    offered: dict[str, EntryPoint] = {point.value: point for point in entry_points(group=GROUP, name=kind)}
    if len(offered) > 1:
        raise Refused(
            f"two packages offer the reboot driver {kind!r}: {', '.join(sorted(offered))}",
            code="driver-ambiguous",
            why="which one would reboot the machines must not depend on the order they were installed in",
            hint="uninstall one of them",
        )
    if offered:
        driver: RebootDriver = next(iter(offered.values())).load()
        return driver
    if kind in _BUILT_IN:
        return _BUILT_IN[kind]
    raise UsageProblem(
        f"the plan reboots with {kind!r}, which is not installed here",
        code="no-such-driver",
        hint=f"install the package that offers it, or plan again with one of: {', '.join(installed())}",
    )


def installed() -> tuple[str, ...]:
    """The kinds of drivers there are, sorted."""
    return tuple(sorted({*_BUILT_IN, *(point.name for point in entry_points(group=GROUP))}))
