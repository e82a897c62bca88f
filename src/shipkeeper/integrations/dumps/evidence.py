"""What a dump tells of itself: when it was taken, of which cluster, at which version."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from shipkeeper.model.cluster import Event, Lease, Namespace
from shipkeeper.model.nodes import Node
from shipkeeper.model.table import PodTable
from shipkeeper.model.time import instant
from shipkeeper.semantics.wire.raw import Time, ms

_GO_TIME = re.compile(rb"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)? ([+-]\d{4})")


class _VersionInfo(msgspec.Struct, rename="camel"):
    git_version: str | None = None


class _VersionFile(msgspec.Struct, rename="camel"):
    """``kubectl version -o json``, ``/version``, or a bundle's cluster_version.json."""

    git_version: str | None = None
    info: _VersionInfo | None = None
    server_version: _VersionInfo | None = None


class _Operand(msgspec.Struct):
    name: str | None = None
    version: str | None = None


class _PlatformStatus(msgspec.Struct, rename="camel"):
    versions: list[_Operand] | None = None
    infrastructure_name: str | None = None


class _PlatformObject(msgspec.Struct):
    """A ClusterOperator or an Infrastructure of OpenShift."""

    status: _PlatformStatus | None = None


class _Beat(msgspec.Struct, rename="camel"):
    """status.conditions[] of a node: its kubelet renews it every five minutes, whether anything changed or not."""

    last_heartbeat_time: Time | None = None


class _BeatingStatus(msgspec.Struct):
    conditions: list[_Beat] | None = None


class _BeatingNode(msgspec.Struct):
    status: _BeatingStatus | None = None


class Evidence:
    """Collected on the way; nothing here fails a dump, it only stays unknown."""

    def __init__(self) -> None:
        self.version = ""
        self.name = ""
        self.stamps: list[int] = []
        self.mtimes: list[int] = []
        self.beats: list[int] = []

    def take_version(self, data: bytes | msgspec.Raw) -> bool:
        """Read a server version from a document without a kind; whether there was one."""
        try:
            file = msgspec.json.decode(data, type=_VersionFile)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        for info in (file.server_version, file.info, file):
            if info is not None and info.git_version:
                self.version = self.version or info.git_version
                return True
        return False

    def take_platform(self, kind: str, data: bytes | msgspec.Raw) -> bool:
        """Read the version of kube-apiserver from its operator, or the cluster's name; whether the kind is of use."""
        if kind not in ("ClusterOperator", "Infrastructure"):
            return False
        try:
            status = msgspec.json.decode(data, type=_PlatformObject).status or _PlatformStatus()
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        for operand in status.versions or ():
            if operand.name == "kube-apiserver" and operand.version:
                self.version = self.version or f"v{operand.version.removeprefix('v')}"
        self.name = self.name or status.infrastructure_name or ""
        return True

    def take_stamp(self, data: bytes) -> None:
        """Read a must-gather's timestamp file: Go's way to print a time, one a line."""
        for match in _GO_TIME.finditer(data[:65_536]):
            day, clock, fraction, zone = (part.decode() for part in match.groups(default=b""))
            try:
                when = datetime.fromisoformat(f"{day}T{clock}{fraction[:7]}{zone[:3]}:{zone[3:]}")
            except ValueError:
                continue
            self.stamps.append(instant(when.astimezone(UTC)))

    def take_heartbeat(self, data: bytes | msgspec.Raw) -> None:
        """Note when a node's kubelet last reported. A quiet cluster tells its time by nothing else."""
        try:
            status = msgspec.json.decode(data, type=_BeatingNode).status or _BeatingStatus()
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        self.beats.extend(ms(item.last_heartbeat_time) for item in status.conditions or ())

    def taken(
        self,
        nodes: Sequence[Node],
        pods: PodTable,
        leases: Sequence[Lease],
        events: Sequence[Event],
    ) -> tuple[int, str]:
        """(when, how that is known): the dump's own word, else the newest time in it, else the files' dates."""
        if self.stamps:
            return max(self.stamps), "its timestamp file"
        newest = {
            "its newest lease renewal": max((lease.renewed_ms for lease in leases), default=0),
            "its newest node heartbeat": max(self.beats, default=0),
            "its newest event": max((event.last_ms for event in events), default=0),
            "its newest node condition": max((c.since_ms for node in nodes for c in node.conditions), default=0),
            "its newest pod condition": _newest_of(pods),
        }
        word = max(newest, key=lambda name: newest[name])
        if newest[word]:
            return newest[word], word
        return max(self.mtimes, default=0), "the date of its files"


def cluster_uid(namespaces: Sequence[Namespace]) -> str:
    """The UID of kube-system, which stands for the cluster's; empty when it is not there."""
    return next((item.uid for item in namespaces if item.name == "kube-system"), "")


def _newest_of(pods: PodTable) -> int:
    if not len(pods):
        return 0
    return max(int(pods.columns[name].max()) for name in ("created_ms", "scheduled_ms", "ready_ms"))
