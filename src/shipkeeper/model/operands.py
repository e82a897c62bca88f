"""What operators look after: backups, databases, identity servers, certificates, policies."""

from __future__ import annotations

from msgspec import Struct


class Backup(Struct, frozen=True):
    """One backup that was asked for. Times are epoch milliseconds; 0 is not (yet) known."""

    tool: str
    """velero or cnpg."""
    namespace: str
    name: str
    phase: str = ""
    """As the tool writes it; empty before it began."""
    completed: bool = False
    """It ended well, by the tool's own word. Partly failed is not completed."""
    started_ms: int = 0
    completed_ms: int = 0
    expires_ms: int = 0
    schedule: str = ""
    method: str = ""
    """cnpg: barmanObjectStore, volumeSnapshot or plugin."""
    cluster: str = ""
    """cnpg: the database cluster, in the same namespace."""
    location: str = ""
    """velero: the BackupStorageLocation."""
    included_namespaces: tuple[str, ...] = ()
    """velero: what it covers; empty for all."""
    excluded_namespaces: tuple[str, ...] = ()
    errors: int = 0
    warnings: int = 0
    failure: str = ""
    """Why it failed, cut short, without addresses."""


class BackupSchedule(Struct, frozen=True):
    """When backups are made by themselves."""

    tool: str
    namespace: str
    name: str
    schedule: str = ""
    """velero: five fields; cnpg: six, seconds first."""
    suspended: bool = False
    phase: str = ""
    last_ms: int = 0
    next_ms: int = 0
    ttl_ms: int = 0
    cluster: str = ""
    method: str = ""
    location: str = ""
    included_namespaces: tuple[str, ...] = ()
    excluded_namespaces: tuple[str, ...] = ()
    failure: str = ""


class RecoveryWindow(Struct, frozen=True):
    """From when to when one database server can be recovered out of a store."""

    server: str
    first_ms: int = 0
    last_success_ms: int = 0
    last_failure_ms: int = 0


class BackupLocation(Struct, frozen=True):
    """Where backups are kept: a Velero BackupStorageLocation, or an ObjectStore of CloudNativePG's plugin."""

    tool: str
    namespace: str
    name: str
    phase: str = ""
    """velero: Available or Unavailable."""
    provider: str = ""
    bucket: str = ""
    access: str = ""
    default: bool = False
    validated_ms: int = 0
    synced_ms: int = 0
    windows: tuple[RecoveryWindow, ...] = ()


class DatabaseCluster(Struct, frozen=True):
    """A PostgreSQL cluster of CloudNativePG."""

    namespace: str
    name: str
    image: str = ""
    version: str = ""
    """Version of PostgreSQL, from the image's tag; empty when the image is named by digest or catalogue only."""
    instances: int = 0
    ready_instances: int = 0
    phase: str = ""
    healthy: bool = False
    """The phase is the one good one: ``Cluster in healthy state``."""
    ready: str = "Unknown"
    archiving: str = "Unknown"
    """Condition ContinuousArchiving. It stays True while a stalled archiver says nothing."""
    last_backup: str = "Unknown"
    """Condition LastBackupSucceeded."""
    backup_method: str = ""
    """plugin, barmanObjectStore, volumeSnapshot, or empty: no backup is configured."""
    first_recoverable_ms: int = 0
    last_backup_ms: int = 0
    last_failed_backup_ms: int = 0
    primary: str = ""
    generation: int = 0
    hibernated: bool = False


class IdentityServer(Struct, frozen=True):
    """A Keycloak. ``current``: its status is about its newest spec; a Ready of an older one says nothing."""

    namespace: str
    name: str
    api_version: str = ""
    image: str = ""
    """Empty: the operator chooses it, so upgrading the operator restarts the server at once."""
    version: str = ""
    """Version of the image that runs, from its StatefulSet's or its own image; empty when not told."""
    instances: int = 0
    ready: str = "Unknown"
    errors: str = "Unknown"
    message: str = ""
    update_strategy: str = ""
    """RecreateOnImageChange, Auto, Explicit; empty for the default (recreate, so an outage)."""
    recreated: str = "Unknown"
    """Whether the last update stopped all replicas first (condition RecreateUpdateUsed)."""
    generation: int = 0
    observed_generation: int = 0
    current: bool = False


class RealmImport(Struct, frozen=True):
    """A KeycloakRealmImport: which realm into which server, and whether it is done. Its content is never read."""

    namespace: str
    name: str
    server: str = ""
    realm: str = ""
    done: str = "Unknown"
    errors: str = "Unknown"


class Certificate(Struct, frozen=True):
    """A certificate of cert-manager."""

    namespace: str
    name: str
    secret: str = ""
    issuer: str = ""
    ready: str = "Unknown"
    reason: str = ""
    not_before_ms: int = 0
    not_after_ms: int = 0
    """0: not issued yet, or not told."""
    renewal_ms: int = 0
    failed_attempts: int = 0


class PolicyRule(Struct, frozen=True):
    """One rule of a policy. ``action``: Audit, Enforce, Warn, or empty where it does not refuse anything."""

    name: str
    type: str = ""
    """validate, verifyImages, mutate, generate, cleanup, or expression."""
    action: str = ""


class Policy(Struct, frozen=True):
    """A policy of Kyverno (old kinds and the CEL ones) or of Tracee."""

    tool: str
    kind: str
    namespace: str
    name: str
    api_version: str = ""
    ready: str = "Unknown"
    rules: tuple[PolicyRule, ...] = ()
    enforced: tuple[str, ...] = ()
    """Namespaces where an override makes it refuse, though its rules only audit."""
    audited: tuple[str, ...] = ()
    """Namespaces where an override makes it only audit, though its rules refuse."""
    failure_policy: str = ""
    """Fail or Ignore: what happens to requests when Kyverno does not answer; empty for the default (Fail)."""
    background: bool = True
    generation: int = 0


class PolicyException(Struct, frozen=True):
    """A Kyverno PolicyException: the policies (and their rules) that it lets things past."""

    namespace: str
    name: str
    policies: tuple[tuple[str, tuple[str, ...]], ...] = ()
