"""Which kinds of the platform a survey reads, and what stays unknown without each."""

from __future__ import annotations

from typing import Any

from shipkeeper.semantics.wire.platform.certificates import CERTIFICATES
from shipkeeper.semantics.wire.platform.crds import CRDS
from shipkeeper.semantics.wire.platform.databases import CLUSTERS, CNPG_BACKUPS, SCHEDULED, STORES
from shipkeeper.semantics.wire.platform.flux import FLUX
from shipkeeper.semantics.wire.platform.identity import IMPORTS, KEYCLOAKS
from shipkeeper.semantics.wire.platform.policies import EXCEPTIONS, POLICIES
from shipkeeper.semantics.wire.platform.velero import BACKUPS, LOCATIONS, SCHEDULES
from shipkeeper.semantics.wire.platform.vulnerabilities import VULNERABILITIES
from shipkeeper.semantics.wire.reader import Reader

PLATFORM: dict[str, tuple[Reader[Any], ...]] = {
    "crds": (CRDS,),
    "flux": FLUX,
    "backups": (BACKUPS, CNPG_BACKUPS),
    "backup_schedules": (SCHEDULES, SCHEDULED),
    "backup_locations": (LOCATIONS, STORES),
    "database_clusters": (CLUSTERS,),
    "identity_servers": (KEYCLOAKS,),
    "realm_imports": (IMPORTS,),
    "certificates": (CERTIFICATES,),
    "policies": POLICIES,
    "policy_exceptions": EXCEPTIONS,
    "vulnerability_reports": (VULNERABILITIES,),
}
"""Field of Inventory → what fills it. A kind that is not installed has no objects; that is no gap."""

FIELD_OF: dict[str, str] = {reader.full_name: field for field, readers in PLATFORM.items() for reader in readers}
"""Plural name and group → field of Inventory."""

UNKNOWN_OF: dict[str, str] = {
    "crds": "which kinds operators brought, and which stored versions forbid an upgrade",
    "flux": "what Flux runs, what is suspended or fails, and which chart versions are not pinned",
    "backups": "whether there is a backup to go back to, and how old it is",
    "backup_schedules": "when backups are made, and whether that is suspended",
    "backup_locations": "whether the place that backups go to can be reached",
    "database_clusters": "which databases there are, their version and health",
    "identity_servers": "which identity servers there are, their version and health",
    "realm_imports": "which realms an import would change",
    "certificates": "which certificates end soon",
    "policies": "which policies refuse what a maintenance makes",
    "policy_exceptions": "what policies let past",
    "vulnerability_reports": "which security patches are due",
    "releases": "which charts are installed in which version, and which releases are stuck",
    "node_facts": "which nodes have updates or a reboot pending",
    "deprecated_requests": "which deprecated APIs are in use, and so what an upgrade of Kubernetes would break",
    "images": "which images really run",
    "control_plane": "the versions of the control plane's parts",
}
"""Field of Inventory → what is unknown about a maintenance without it."""

_BIG = {CRDS.full_name: 20, VULNERABILITIES.full_name: 50}


def page_size(reader: Reader[Any], otherwise: int) -> int:
    """How many objects of a kind to ask for at once: those of some kinds are up to a megabyte each."""
    return _BIG.get(reader.full_name, otherwise)
