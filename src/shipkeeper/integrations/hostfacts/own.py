"""The small format of our own: one object a node. ``deploy/facts/node-facts`` prints it; anything else may, too."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from shipkeeper.model.errors import BadInput, Location
from shipkeeper.model.facts import HostFacts, NodeFacts, PendingPackage
from shipkeeper.model.time import parse_instant


class _Package(Struct, rename="camel", forbid_unknown_fields=True):
    name: str
    installed: str | None = None
    candidate: str | None = None
    security: bool | None = None


class _Facts(Struct, rename="camel", forbid_unknown_fields=True):
    node: str
    taken_at: str | None = None
    os: str | None = None
    kernel_running: str | None = None
    kernel_installed: str | None = None
    boot_id: str | None = None
    pending_updates: int | None = None
    pending_security_updates: int | None = None
    reboot_required: bool | None = None
    reboot_required_since: str | None = None
    automatic_security_updates: bool | None = None
    packages: list[_Package] | None = None


KEYS = frozenset(info.encode_name for info in msgspec.structs.fields(_Facts))


def of_own(item: dict[str, Any], file: str, line: int, node: str = "") -> HostFacts:
    """Facts of one host. ``node``: its name where the document need not tell it. Raises BadInput."""
    where = Location(file, line)
    try:
        wire = msgspec.convert({"node": node, **item} if node else item, _Facts)
    except msgspec.ValidationError as error:
        raise BadInput(
            f"facts of {item.get('node') or node or 'a host'}: {error}",
            hint=f"the keys are {', '.join(sorted(KEYS))}",
            location=where,
        ) from error
    if not wire.node:
        raise BadInput("facts of a host without a name", hint="node is the name of the Node", location=where)
    for name, count in (
        ("pendingUpdates", wire.pending_updates),
        ("pendingSecurityUpdates", wire.pending_security_updates),
    ):
        if count is not None and count < 0:
            raise BadInput(f"facts of {wire.node}: {name} is {count}", location=where)
    facts = NodeFacts(
        node=wire.node,
        pending_updates=wire.pending_updates,
        pending_security=wire.pending_security_updates,
        packages=tuple(
            PendingPackage(one.name, one.installed or "", one.candidate or "", one.security)
            for one in sorted(wire.packages or (), key=lambda one: (one.name, one.candidate or ""))
        ),
        reboot_required=wire.reboot_required,
        reboot_since_ms=_time(wire, "rebootRequiredSince", wire.reboot_required_since, where),
        automatic_security=wire.automatic_security_updates,
        kernel_installed=wire.kernel_installed or "",
        kernel_running=wire.kernel_running or "",
        os=wire.os or "",
        taken_ms=_time(wire, "takenAt", wire.taken_at, where) or 0,
        sources=(f"facts {file}",),
        boot_id=wire.boot_id or "",
    )
    return HostFacts((wire.node,), facts)


def _time(wire: _Facts, name: str, text: str | None, where: Location) -> int | None:
    if not text:
        return None
    try:
        return parse_instant(text)
    except BadInput as error:
        raise BadInput(f"facts of {wire.node}: {name}: {error.message}", hint=error.hint, location=where) from error
