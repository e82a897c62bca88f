"""The platform file: what the team declares in ``shipkeeper.yaml``. Version 1."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.schedule import Task


class Declared(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Base of the platform file's sections: unknown keys are errors."""


class Person(Declared, frozen=True, kw_only=True):
    """Somebody with a role: on-call, lead, security, auditor, drill-lead, or the team's own word."""

    name: str
    roles: tuple[str, ...] = ()
    contact: str = ""
    identity: str = ""
    """What the API server calls them (user name), for approvals."""


class Scope(Declared, frozen=True, kw_only=True):
    """What is inside the fence, what is outside, who owns it and whom to escalate to."""

    component: str
    inside: bool = True
    owner: str = ""
    escalate_to: str = ""
    namespaces: tuple[str, ...] = ()


class WindowRule(Declared, frozen=True, kw_only=True):
    """A recurring window: an RFC 5545 RRULE for its starts, local start time, duration and zone."""

    name: str
    rrule: str
    start: str
    """Local time of day, HH:MM."""
    duration: str
    zone: str
    agreed_by: tuple[str, ...] = ()
    agreed_until: str = ""
    first: str = ""
    """Date (YYYY-MM-DD) from which INTERVAL and COUNT count; required when the RRULE has either."""


class DriverConfig(Declared, frozen=True, kw_only=True):
    """A way to reboot a node. ``argv`` may hold {node}, {address}, {providerID}; it never goes through a shell.

    ``delivered`` may name an argv whose exit code tells whether a request reached the machine: 0 yes, 1 no.
    ``environment`` values are secret references (``env:NAME``, ``file:PATH``), never secrets.
    """

    argv: tuple[str, ...] = ()
    delivered: tuple[str, ...] = ()
    timeout: str = "15m"
    environment: dict[str, str] = {}


class DrainDefaults(Declared, frozen=True, kw_only=True):
    """Defaults for plans; flags win."""

    reserve: str = "30m"
    max_parallel: int = 1
    order: str = "serial"
    on_blocked: str = "hold"
    blocked_after: str = ""
    reboot_with: str = ""
    delete_empty_dir_data: tuple[str, ...] = ()
    allow_unmanaged: tuple[str, ...] = ()


class TimingConfig(Declared, frozen=True, kw_only=True):
    """Times people know better than the API does. Each is a duration, or ``P50/P95``.

    ``readiness`` and ``termination`` by ``Kind/namespace/name``, or ``*``. ``stable_ready``: how long a node must
    have been Ready before it counts as serving. ``mechanics`` by the names in ``model.plan.MECHANICS``.
    """

    reboot: str = ""
    readiness: dict[str, str] = {}
    termination: dict[str, str] = {}
    stable_ready: str = ""
    mechanics: dict[str, str] = {}


class ClusterConfig(Declared, frozen=True, kw_only=True):
    """One cluster of an environment. ``role`` is sc (service cluster), wc (workload cluster) or single."""

    name: str
    role: str = "single"
    context: str = ""
    uid: str = ""
    """UID of namespace kube-system: how a dump is recognised, and another cluster of the same name refused."""
    lease_namespace: str = "kube-system"
    drain: DrainDefaults = DrainDefaults()
    timings: TimingConfig = TimingConfig()


class Environment(Declared, frozen=True, kw_only=True):
    """Staging, production…: clusters that are maintained on the same calendar."""

    name: str
    clusters: tuple[ClusterConfig, ...]
    windows: tuple[WindowRule, ...] = ()
    production: bool = True


class Platform(Declared, frozen=True, kw_only=True):
    """The whole file."""

    api_version: str = "shipkeeper/v1alpha1"
    kind: str = "Platform"
    name: str = "platform"
    zone: str = "UTC"
    environments: tuple[Environment, ...] = ()
    scope: tuple[Scope, ...] = ()
    people: tuple[Person, ...] = ()
    reboot_drivers: dict[str, DriverConfig] = {}
    schedule: tuple[Task, ...] = ()
    """Rows added to the default schedule, or replacing the row of the same id."""
    done: dict[str, str] = {}
    """Task id → date it was last done, for work carried out before Shipkeeper kept a journal."""
