"""The platform file: what the team declares in ``shipkeeper.yaml``. Version 1."""

from __future__ import annotations

from shipkeeper.model.declared import Declared
from shipkeeper.model.declared_people import Channel, NoticePolicy, Person, Scope
from shipkeeper.model.declared_windows import Freeze, WindowRule
from shipkeeper.model.schedule import Task

__all__ = [
    "Channel",
    "ClusterConfig",
    "Component",
    "Declared",
    "DrainDefaults",
    "DriverConfig",
    "Environment",
    "Freeze",
    "NoticePolicy",
    "Objectives",
    "Person",
    "Platform",
    "Scope",
    "Sources",
    "TimingConfig",
    "WindowRule",
]


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
    """Nothing starts that cannot end this long before the window's end."""
    max_parallel: int = 1
    """How many nodes at a time, at most."""
    order: str = "serial"
    """serial, zones (zone by zone), or best."""
    on_blocked: str = "hold"
    """What happens when a node cannot be drained: hold, wait, quarantine, or escalate."""
    blocked_after: str = ""
    """How long a drain waits before that; empty: the larger of 10 min and twice what rehearsal predicted."""
    reboot_with: str = ""
    """Name of a reboot driver, or manual; empty: the only one that there is, else manual."""
    delete_empty_dir_data: tuple[str, ...] = ()
    """Namespaces whose emptyDir data may be lost; * is all."""
    allow_unmanaged: tuple[str, ...] = ()
    """Namespaces, or namespace/pod, of pods without a controller that may be lost; * is all."""


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


class Objectives(Declared, frozen=True, kw_only=True):
    """What a disaster may cost at most, who decided that, and why. Durations such as ``24h`` or ``7d``.

    ``rpo``: data lost, counted back from the disaster; ``retention``: how long a backup is kept; ``rto``: until the
    service is back. Empty: nobody declared it.
    """

    rpo: str = ""
    retention: str = ""
    rto: str = ""
    decided_by: str = ""
    decided_on: str = ""
    why: str = ""


class Component(Declared, frozen=True, kw_only=True):
    """Software of the platform whose upkeep follows rules of its own.

    ``product`` is its id in the knowledge (``shipkeeper knowledge show`` lists them); empty: the same as ``name``.
    """

    name: str
    product: str = ""
    namespaces: tuple[str, ...] = ()
    """Where it runs; empty: wherever it is found."""
    owner: str = ""
    version: str = ""
    """What runs, where no survey can tell (firmware of an HSM, a service outside the cluster)."""
    target: str = ""
    """The version to stay at or go to; empty: the newest that its path policy and support dates allow."""
    path_policy: str = ""
    """Which path rule holds (``docs/reference/path-policies.md``); empty: the product's default."""
    exposure: str = ""
    """Who can reach it: internet | internal | none; empty: not known, and a person is asked where it matters."""
    impact: str = ""
    """What people notice while it is upgraded, in the team's own words."""


class Sources(Declared, frozen=True, kw_only=True):
    """Files and folders outside the cluster that a survey reads, relative to the platform file.

    ``checkouts``: component → git checkout with its tags, change logs and migration documents. ``updates``: git
    repositories with branches of proposed updates (Renovate). ``facts``: files or folders with facts about nodes.
    ``knowledge``: a file that corrects or extends the facts that come with Shipkeeper. ``exploited``: a catalogue of
    vulnerabilities that are known to be exploited.
    """

    checkouts: dict[str, str] = {}
    updates: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    knowledge: str = ""
    exploited: str = ""


class Environment(Declared, frozen=True, kw_only=True):
    """Staging, production…: clusters that are maintained on the same calendar."""

    name: str
    clusters: tuple[ClusterConfig, ...]
    windows: tuple[WindowRule, ...] = ()
    production: bool = True
    follows: str | None = None
    """The environment that gets every change first (staging); this one waits until it proved itself there. ``""`` says
    that there is none; not said at all, a production environment waits until somebody says it.
    """
    skew: int = 5
    """How many working days lie between the end of a maintenance there and its beginning here."""
    freezes: tuple[Freeze, ...] = ()
    country: str = ""
    """Whose national holidays are no working days here (ISO 3166-1, ``SE`` or ``DE-BY``); empty: the platform's."""
    objectives: Objectives = Objectives()


class Platform(Declared, frozen=True, kw_only=True):
    """The whole file."""

    api_version: str = "shipkeeper/v1alpha1"
    kind: str = "Platform"
    name: str = "platform"
    zone: str = "UTC"
    country: str = ""
    """Whose national holidays are no working days (ISO 3166-1, ``SE`` or ``DE-BY``)."""
    environments: tuple[Environment, ...] = ()
    scope: tuple[Scope, ...] = ()
    people: tuple[Person, ...] = ()
    channels: tuple[Channel, ...] = ()
    notices: NoticePolicy = NoticePolicy()
    components: tuple[Component, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    """Freezes of every environment."""
    patch_deadlines: dict[str, str] = {}
    """Severity (critical, high, medium, low) → how long after a fix is out its patch may wait, such as ``7d``."""
    objectives: Objectives = Objectives()
    """Of every environment that declares none of its own."""
    sources: Sources = Sources()
    reboot_drivers: dict[str, DriverConfig] = {}
    schedule: tuple[Task, ...] = ()
    """Rows added to the default schedule, or replacing the row of the same id."""
    done: dict[str, str] = {}
    """Task id → date it was last done, for work carried out before Shipkeeper kept a journal."""
