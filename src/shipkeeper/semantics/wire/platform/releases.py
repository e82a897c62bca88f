"""Helm's records of releases, as Helm 3 and 4 write them into Secrets or ConfigMaps.

Source: helm.sh/helm/v4 ``pkg/storage/driver`` (names, labels, encoding) and ``pkg/release/v1`` (fields).
A record holds the user's values and rendered Secrets. Nothing of either is kept: of values their paths and types, of
manifests the objects' names, and a digest to see that values changed. Notes and descriptions are not decoded.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from shipkeeper.model.errors import BadInput
from shipkeeper.model.releases import ManifestObject, Release
from shipkeeper.semantics.wire.platform.manifests import manifest_objects
from shipkeeper.semantics.wire.platform.parts import time_ms
from shipkeeper.semantics.wire.raw import Wire

SELECTOR = "owner=helm"
PREFIX = "sh.helm.release.v1."
LARGEST = 24 << 20
"""Bytes that a record may unpack to. Kubernetes bounds it packed to 1 MiB; real ones unpack to 7 MB."""

LARGEST_VALUES = 2 << 20
"""Bytes of values that are taken apart; of more, only the digest is made."""

MOST_OBJECTS = 5_000
MOST_KEYS = 2_000
MOST_DEPTH = 30
_GZIP = b"\x1f\x8b\x08"
_GZIP_WINDOW = 31
_STATUSES = frozenset(
    {
        "deployed",
        "superseded",
        "failed",
        "uninstalled",
        "uninstalling",
        "pending-install",
        "pending-upgrade",
        "pending-rollback",
    }
)
_TYPES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
    dict: "map",
    list: "list",
}


class Record(Struct, frozen=True):
    """One revision of a release by what its object's labels tell, before anything is unpacked."""

    namespace: str
    object: str
    """Name of the Secret or ConfigMap."""
    name: str
    revision: int
    status: str
    storage: str = "secret"


class WireRecordMeta(Wire):
    """metadata of a record's object."""

    name: str
    namespace: str | None = None
    labels: dict[str, str | None] | None = None


class WireRecord(Wire):
    """A record's object, of which nothing but the metadata is read."""

    metadata: WireRecordMeta


class WireRecordData(Wire):
    """data of a record's object. No other key is decoded."""

    release: str | None = None


class WireFullRecord(Wire):
    """A record's object with the record. ``type`` is of Secrets only."""

    metadata: WireRecordMeta
    type: str | None = None
    data: WireRecordData | None = None


class _Info(Struct):
    status: str | None = None
    first_deployed: str | None = None
    last_deployed: str | None = None


class _Dependency(Struct):
    name: str | None = None
    version: str | None = None


class _ChartMeta(Struct, rename="camel"):
    name: str | None = None
    version: str | None = None
    app_version: str | None = None
    kube_version: str | None = None
    deprecated: bool | None = None
    dependencies: list[_Dependency] | None = None


class _Chart(Struct):
    metadata: _ChartMeta | None = None


class _Hook(Struct):
    kind: str | None = None
    name: str | None = None
    manifest: str | None = None


class _Release(Struct):
    name: str | None = None
    namespace: str | None = None
    version: int | None = None
    info: _Info | None = None
    chart: _Chart | None = None
    config: msgspec.Raw = field(default_factory=msgspec.Raw)
    manifest: str | None = None
    hooks: list[_Hook] | None = None
    apply_method: str | None = None


_DECODER = msgspec.json.Decoder(_Release)
_ENCODER = msgspec.json.Encoder(order="deterministic")


def record_of(meta: WireRecordMeta, storage: str) -> Record | None:
    """What the labels tell; None for an object that is no record of Helm."""
    labels = meta.labels or {}
    name, revision = labels.get("name") or "", labels.get("version") or ""
    if labels.get("owner") != "helm" or not name or not revision.isdecimal() or len(revision) > 9:
        return None
    if not meta.name.startswith(PREFIX):
        return None
    status = labels.get("status") or ""
    return Record(meta.namespace or "default", meta.name, name, int(revision), known_status(status), storage)


def newest(records: Iterable[Record]) -> list[tuple[Record, int]]:
    """The newest revision of each release, and its newest deployed revision (0 for none), by namespace and name."""
    tops: dict[tuple[str, str], Record] = {}
    deployed: dict[tuple[str, str], int] = {}
    for record in records:
        key = (record.namespace, record.name)
        if key not in tops or tops[key].revision < record.revision:
            tops[key] = record
        if record.status == "deployed":
            deployed[key] = max(record.revision, deployed.get(key, 0))
    return [(tops[key], deployed.get(key, 0)) for key in sorted(tops)]


def by_labels(record: Record, deployed_revision: int) -> Release:
    """A release of which no more than the labels is known."""
    return Release(
        namespace=record.namespace,
        name=record.name,
        revision=record.revision,
        status=record.status,
        storage="labels-only",
        deployed_revision=deployed_revision,
    )


def unpack(record: Record, deployed_revision: int, data: str | None) -> Release:
    """The release that a record's ``data.release`` holds.

    Raises BadInput, which repeats nothing of the content, for one that is not readable or too big.
    """
    if not data:
        raise _unreadable(record, "it has no data")
    text = _decoded(record, data)
    try:
        wire = _DECODER.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        # The words of the error may name a value's place, never the value; they are left out all the same.
        raise _unreadable(record, "it holds no release as Helm writes it") from error
    return _release(record, deployed_revision, wire, len(data))


def _decoded(record: Record, data: str) -> bytes:
    """Base64 of the API (Secrets only), base64 of Helm, gzip: off, within bounds."""
    try:
        packed = base64.b64decode(data, validate=False)
        if record.storage == "secret":
            packed = base64.b64decode(packed, validate=False)
    except (binascii.Error, ValueError) as error:
        raise _unreadable(record, "it is not base64") from error
    if not packed.startswith(_GZIP):
        return packed
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        text = unpacker.decompress(packed, LARGEST)
    except zlib.error as error:
        raise _unreadable(record, "it cannot be unpacked") from error
    if unpacker.unconsumed_tail:
        raise _unreadable(record, f"it unpacks to more than {LARGEST >> 20} MiB")
    if not unpacker.eof:
        raise _unreadable(record, "it is cut off")
    return text


def _release(record: Record, deployed_revision: int, wire: _Release, stored: int) -> Release:
    info = wire.info or _Info()
    meta = (wire.chart or _Chart()).metadata or _ChartMeta()
    keys, digest, more_keys = _values(wire.config)
    objects, more_objects = _bounded(manifest_objects(wire.manifest or ""))
    hooks, more_hooks = _bounded(_hooks(wire.hooks or ()))
    # The record's status is written after its label; while both are there the record is the newer word.
    return Release(
        namespace=wire.namespace or record.namespace,
        name=wire.name or record.name,
        revision=record.revision,
        status=known_status(info.status or record.status),
        chart=meta.name or "",
        chart_version=meta.version or "",
        app_version=meta.app_version or "",
        kube_version=meta.kube_version or "",
        first_deployed_ms=time_ms(info.first_deployed),
        last_deployed_ms=time_ms(info.last_deployed),
        apply_method=wire.apply_method or "",
        storage=record.storage,
        storage_namespace=record.namespace,
        deployed_revision=deployed_revision,
        value_keys=keys,
        values_digest=digest,
        objects=objects,
        hooks=hooks,
        chart_deprecated=bool(meta.deprecated),
        dependencies=tuple(sorted((item.name or "", item.version or "") for item in meta.dependencies or ())),
        stored_bytes=stored,
        dropped=more_keys + more_objects + more_hooks,
    )


def _hooks(hooks: Iterable[_Hook]) -> Iterator[ManifestObject]:
    for hook in hooks:
        found = list(manifest_objects(hook.manifest or ""))
        yield from found or [ManifestObject("", hook.kind or "", "", hook.name or "")]


def _bounded(objects: Iterable[ManifestObject]) -> tuple[tuple[ManifestObject, ...], int]:
    """Sorted, each once, at most so many; and how many were left out."""
    found = sorted(set(objects))
    return tuple(found[:MOST_OBJECTS]), max(0, len(found) - MOST_OBJECTS)


def _values(config: msgspec.Raw) -> tuple[tuple[tuple[str, str], ...], str, int]:
    """(paths with types, digest, paths left out) of the user's values. The values themselves end here."""
    if not bytes(config):
        return (), "", 0
    if len(bytes(config)) > LARGEST_VALUES:
        return (), hashlib.sha256(config).hexdigest(), 1
    values = msgspec.json.decode(config)
    if not values:
        return (), "", 0
    digest = hashlib.sha256(_ENCODER.encode(values)).hexdigest()
    paths = sorted(set(_paths(values, "", 0)))
    return tuple(paths[:MOST_KEYS]), digest, max(0, len(paths) - MOST_KEYS)


def _paths(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """Every leaf's path with its type; an element of a list is ``[]`` whichever it is."""
    children: Iterable[tuple[str, Any]] = ()
    if isinstance(value, Mapping) and value and depth < MOST_DEPTH:
        children = ((f"{path}.{_key(key)}" if path else _key(key), item) for key, item in value.items())
    elif isinstance(value, list) and value and depth < MOST_DEPTH:
        children = ((f"{path}[]", item) for item in value)
    else:
        yield path, _TYPES.get(type(value), "unknown")
        return
    for name, item in children:
        yield from _paths(item, name, depth + 1)


def _key(key: str) -> str:
    """A key in a path; one with a dot in it is quoted."""
    return f'"{key}"' if "." in key else key


def known_status(word: str) -> str:
    """The word, if it is one of Helm's; ``unknown`` otherwise."""
    return word if word in _STATUSES else "unknown"


def _unreadable(record: Record, why: str) -> BadInput:
    kind = "Secret" if record.storage == "secret" else "ConfigMap"
    name = f"{kind} {record.namespace}/{record.object}"
    return BadInput(
        f"the record of release {record.namespace}/{record.name}, revision {record.revision}: {why}",
        object=name,
        hint="see what Helm makes of it: helm history",
    )
