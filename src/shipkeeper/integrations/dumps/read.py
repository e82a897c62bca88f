"""From a dump on disk to an inventory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from shipkeeper.integrations.dumps.collector import Collector
from shipkeeper.integrations.dumps.documents import is_printed_dump, objects
from shipkeeper.integrations.dumps.evidence import Evidence, cluster_uid
from shipkeeper.integrations.dumps.gaps import gaps
from shipkeeper.integrations.dumps.layouts import Layout, Wanted, layout_of, wanted
from shipkeeper.integrations.dumps.limits import Limits
from shipkeeper.integrations.dumps.members import Dump, Piece
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.errors import BadInput, Location
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.time import iso
from shipkeeper.semantics.wire import PLATFORM
from shipkeeper.semantics.wire.drainer_kinds import runs_kured

_LONGEST_REFUSAL = 300


def read_dump(path: str, limits: Limits | None = None) -> Inventory:
    """Survey a dump: folder, tar (plain, gzip, xz), zip, or one JSON or YAML file, in any known layout.

    The layout and the packing are told by content, never by name. Nothing is written to disk. What the dump does
    not hold becomes ``missing``; nothing is ever half-loaded. Raises BadInput naming the member and the place in it.
    """
    dump = Dump(path, limits or Limits())
    evidence = Evidence()
    collector = Collector(evidence)
    layout, with_lists = _look_over(dump)
    refusals: dict[str, str] = {}
    for piece, use in _worth_opening(dump, layout):
        if use.role == "pod" and use.namespace in with_lists:
            continue
        evidence.mtimes.append(piece.mtime_ms)
        _open(dump, piece, use, collector, refusals)
    if not collector.covered and not collector.releases.covered:
        raise BadInput(
            "there is nothing in it that a survey reads",
            hint="give a must-gather, a support bundle, a kubectl cluster-info dump, or kubectl get -o json",
            location=Location(path),
        )
    if collector.printed_dump and layout == "files":
        layout = "cluster-info dump"
    return _inventory(dump, layout, collector, refusals)


def _look_over(dump: Dump) -> tuple[Layout, frozenset[str]]:
    """The layout, and the namespaces whose pods come as a list (must-gathers hold each pod a second time)."""
    if dump.packing == "file":
        return "files", frozenset()
    paths = [piece.path for piece in dump.pieces()]
    layout = layout_of(paths)
    if layout != "must-gather":
        return layout, frozenset()
    uses = (wanted(layout, path) for path in paths)
    return layout, frozenset(
        use.namespace for use in uses if use and use.role == "objects" and use.resource == "pods" and use.namespace
    )


def _worth_opening(dump: Dump, layout: Layout) -> Iterator[tuple[Piece, Wanted]]:
    for piece in dump.pieces():
        use = Wanted("objects") if dump.packing == "file" else wanted(layout, piece.path)
        if use is not None:
            yield piece, use


def _open(dump: Dump, piece: Piece, use: Wanted, collector: Collector, refusals: dict[str, str]) -> None:
    data = piece.read()
    place = dump.place(piece.path)
    if use.role == "time":
        collector.evidence.take_stamp(data)
        return
    if use.role == "helm":
        collector.releases.take_collected(data)
        return
    if use.role == "errors":
        refusals[use.resource] = _refusal(data)
        return
    if use.resource and use.namespace:
        collector.namespaces_of.setdefault(use.resource, set()).add(use.namespace)
    collector.printed_dump = collector.printed_dump or is_printed_dump(data)
    for found in objects(data, place, dump.limits):
        collector.take(found, use.resource)


def _refusal(data: bytes) -> str:
    """Why a bundle's collector could not list a kind: its errors file, shortened."""
    try:
        told = msgspec.json.encode(msgspec.json.decode(data)).decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        told = "its errors file cannot be read"
    return f"the collector failed: {told[:_LONGEST_REFUSAL]}"


def _inventory(dump: Dump, layout: Layout, collector: Collector, refusals: dict[str, str]) -> Inventory:
    drawer = collector.drawer
    nodes, pods = drawer("nodes"), collector.pods.build().sorted()
    leases, events, namespaces = drawer("leases"), drawer("events"), drawer("namespaces")
    taken_ms, how = collector.evidence.taken(nodes, pods, leases, events)
    workloads = drawer(
        "deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs", "replicationcontrollers"
    )
    platform: dict[str, Any] = {
        field: drawer(*(reader.full_name for reader in readers)) for field, readers in PLATFORM.items()
    }
    drainers = collector.drainers | {"kured" for item in workloads if runs_kured(item.kind, item.name)}
    return Inventory(
        source=f"{dump.path} ({layout}, taken {iso(taken_ms)} by {how})",
        taken_ms=taken_ms,
        identity=ClusterIdentity(
            uid=cluster_uid(namespaces), server_version=collector.evidence.version, name=collector.evidence.name
        ),
        nodes=nodes,
        pods=pods,
        workloads=workloads,
        budgets=drawer("poddisruptionbudgets"),
        claims=drawer("persistentvolumeclaims"),
        volumes=drawer("persistentvolumes"),
        attachments=drawer("volumeattachments"),
        csi_nodes=drawer("csinodes"),
        storage_classes=drawer("storageclasses"),
        priority_classes=drawer("priorityclasses"),
        quotas=drawer("resourcequotas"),
        limit_ranges=drawer("limitranges"),
        webhooks=drawer("validatingwebhookconfigurations", "mutatingwebhookconfigurations"),
        api_services=drawer("apiservices"),
        services=drawer("services"),
        endpoint_slices=drawer("endpointslices"),
        autoscalers=drawer("horizontalpodautoscalers"),
        leases=leases,
        namespaces=namespaces,
        events=events,
        drainers=tuple(sorted(drainers)),
        **platform,
        releases=collector.releases.build(),
        images=collector.images.build(),
        missing=gaps(collector, layout, namespaces, refusals),
        skipped={kind: collector.skipped[kind] for kind in sorted(collector.skipped)},
    )
