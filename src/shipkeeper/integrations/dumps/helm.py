"""Helm releases out of a dump: records in Secrets or ConfigMaps, and what troubleshoot's Helm collector wrote."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from shipkeeper.integrations.dumps.documents import Found
from shipkeeper.model.errors import BadInput
from shipkeeper.model.inventory import Missing
from shipkeeper.model.releases import Release
from shipkeeper.semantics.wire.platform.kinds import UNKNOWN_OF
from shipkeeper.semantics.wire.platform.releases import (
    Record,
    WireFullRecord,
    by_labels,
    known_status,
    newest,
    record_of,
    unpack,
)

_STORAGES: dict[str, Literal["secret", "configmap"]] = {"Secret": "secret", "ConfigMap": "configmap"}
_FULL = msgspec.json.Decoder(WireFullRecord)


class _Revision(Struct, rename="camel"):
    revision: str | int | None = None
    status: str | None = None


class _Collected(Struct, rename="camel"):
    """What troubleshoot's Helm collector writes of a release. Values have no field here."""

    release_name: str
    namespace: str | None = None
    chart: str | None = None
    chart_version: str | None = None
    app_version: str | None = None
    release_history: list[_Revision] | None = None


_COLLECTED = msgspec.json.Decoder(_Collected | list[_Collected] | None)


class Releases:
    """Takes records in, in any order. Only the newest revision of a release is unpacked and kept."""

    def __init__(self) -> None:
        self.covered = False
        self.missing: list[Missing] = []
        self._records: list[Record] = []
        self._newest: dict[tuple[str, str], tuple[int, Release | None, str]] = {}
        self._collected: dict[tuple[str, str], Release] = {}

    def take(self, found: Found) -> bool:
        """Take a Secret or ConfigMap; whether it was a record of Helm."""
        storage = _STORAGES.get(found.kind)
        if storage is None or "/" in found.api_version:
            return False
        self.covered = self.covered or storage == "secret"
        try:
            wire = _FULL.decode(found.data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        record = record_of(wire.metadata, storage)
        if record is None:
            return False
        self.covered = True
        self._records.append(record)
        key = (record.namespace, record.name)
        if record.revision >= self._newest.get(key, (-1, None, ""))[0]:
            self._newest[key] = (record.revision, *_unpacked(record, wire.data.release if wire.data else None))
        return True

    def take_collected(self, data: bytes) -> bool:
        """Take what a support bundle's Helm collector wrote; whether it was that."""
        try:
            told = _COLLECTED.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        for item in told if isinstance(told, list) else [told] if told else []:
            release = _release(item)
            self._collected[(release.namespace, release.name)] = release
        self.covered = True
        return True

    def build(self) -> tuple[Release, ...]:
        """Every release. What could not be unpacked is told by its labels, and is in ``missing``."""
        found = dict(self._collected)
        for record, deployed in newest(self._records):
            key = (record.namespace, record.name)
            _, release, why = self._newest[key]
            if release is None:
                name = f"releases {record.namespace}/{record.name}"
                self.missing.append(Missing(name, why, UNKNOWN_OF["releases"], "releases"))
                found.setdefault(key, by_labels(record, deployed))
            else:
                found[key] = msgspec.structs.replace(release, deployed_revision=deployed)
        return tuple(found[key] for key in sorted(found))


def _unpacked(record: Record, data: str | None) -> tuple[Release | None, str]:
    try:
        return unpack(record, 0, data), ""
    except BadInput as error:
        return None, f"{error.message}; collectors take the content of Secrets out"


def _release(item: _Collected) -> Release:
    """A release by the collector's words: its newest revision, the last in its history."""
    history = [(int(str(one.revision)), one) for one in item.release_history or () if str(one.revision).isdecimal()]
    revision, last = max(history, key=lambda pair: pair[0], default=(0, _Revision()))
    deployed = max((number for number, one in history if one.status == "deployed"), default=0)
    return Release(
        namespace=item.namespace or "default",
        name=item.release_name,
        revision=revision,
        status=known_status(last.status or ""),
        chart=item.chart or "",
        chart_version=item.chart_version or "",
        app_version=item.app_version or "",
        storage="collected",
        deployed_revision=deployed,
    )
