"""The platform's part of kind Inventory, as other programs read it: camelCase keys, RFC 3339 times, no bulk."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.time import SECOND, iso

FIELDS = (
    "releases",
    "flux",
    "crds",
    "backups",
    "backup_schedules",
    "backup_locations",
    "database_clusters",
    "identity_servers",
    "realm_imports",
    "certificates",
    "policies",
    "policy_exceptions",
    "vulnerability_reports",
    "images",
    "control_plane",
    "node_facts",
    "deprecated_requests",
    "updates",
)
_COUNTED = frozenset({"objects", "hooks", "value_keys", "findings", "packages"})
"""Long lists: their length is told here; a saved inventory holds them."""
_DURATIONS = frozenset({"interval_ms", "ttl_ms"})
_NAMED_AS_TIMES = frozenset({"not_before_ms", "not_after_ms"})


def platform(inventory: Inventory) -> dict[str, Any]:
    """Field → its objects; a field with none is an empty list, and what could not be read is in ``missing``."""
    return {camel(field): [plain(item) for item in getattr(inventory, field)] for field in FIELDS}


def plain(value: Any, name: str = "") -> Any:
    """A model object as plain data. A time of 0 is not known, and becomes null."""
    if isinstance(value, Struct):
        return {_key(field): plain(getattr(value, field), field) for field in value.__struct_fields__}
    if name in _COUNTED and isinstance(value, tuple):
        return len(value)
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if name in _DURATIONS:
        return value / SECOND
    if name.endswith("_ms"):
        return iso(value) if value else None
    return value


def _key(field: str) -> str:
    stem = field.removesuffix("_ms")
    if field in _DURATIONS:
        return camel(f"{stem}_seconds")
    return camel(f"{stem}_at" if stem != field and field not in _NAMED_AS_TIMES else stem)


def camel(field: str) -> str:
    """``last_deployed`` becomes ``lastDeployed``."""
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)
