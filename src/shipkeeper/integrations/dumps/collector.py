"""Objects from many files, each distinct one once, sorted into an inventory's drawers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from shipkeeper.integrations.dumps.documents import Found, ListHead, located
from shipkeeper.integrations.dumps.evidence import Evidence
from shipkeeper.integrations.dumps.helm import Releases
from shipkeeper.model.errors import BadInput
from shipkeeper.model.inventory import Missing
from shipkeeper.model.table import PodTableBuilder
from shipkeeper.semantics.wire import PLATFORM_READERS, READERS, name_of, pod_into, reader_by_name, reader_for
from shipkeeper.semantics.wire.drainer_kinds import DRAINER_KINDS
from shipkeeper.semantics.wire.images import ImageTally
from shipkeeper.semantics.wire.platform.kinds import FIELD_OF, UNKNOWN_OF
from shipkeeper.semantics.wire.platform.vulnerabilities import Shared

_DRAINERS = {(group, kind) for (group, _), kind in DRAINER_KINDS.items()}


class Collector:
    """Takes objects in. Seeing one again (same UID, else same kind, namespace and name) changes nothing."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.pods = PodTableBuilder()
        self.images = ImageTally()
        self.releases = Releases()
        self.objects: dict[str, list[Any]] = {name: [] for name in (*READERS, *PLATFORM_READERS)}
        self.refused: list[Missing] = []
        """Objects of the platform's kinds that are there and cannot be read."""
        self.covered: set[str] = set()
        self.namespaces_of: dict[str, set[str]] = {}
        self.skipped: Counter[str] = Counter()
        self.drainers: set[str] = set()
        self.printed_dump = False
        """What ``kubectl cluster-info dump`` prints when it is given no folder."""
        self._seen: set[tuple[str, ...]] = set()
        self._shared = Shared()

    def take(self, found: Found | ListHead, hint: str = "") -> None:
        """Take one object, or note that a list of its kind was there. ``hint``: the resource its file's place tells.

        Raises BadInput naming file and place.
        """
        if isinstance(found, ListHead):
            self._cover(found, hint)
            return
        if not found.kind and found.index < 0 and self.evidence.take_version(found.data):
            return
        if not found.kind and hint:
            reader = reader_by_name(hint)
            found.kind, found.api_version = reader.kind, f"{reader.group}/" if reader.group else ""
        if not found.kind:
            self.skipped["(no kind)"] += 1
            return
        self._take(found)

    def _cover(self, head: ListHead, hint: str) -> None:
        reader = reader_for(head.api_version, head.kind)
        if reader is not None:
            self.covered.add(name_of(reader))
        elif head.kind == "Secret":
            self.releases.covered = True
        elif not head.kind and hint:
            self.covered.add(hint)

    def _take(self, found: Found) -> None:
        reader = reader_for(found.api_version, found.kind)
        if reader is None:
            self._note_other(found)
            return
        name = name_of(reader)
        self.covered.add(name)
        meta, kind = found.meta, f"{found.kind}.{reader.group}"
        key = (kind, meta.uid) if meta.uid else (kind, meta.namespace or "", meta.name or "")
        if key in self._seen:
            return
        self._seen.add(key)
        try:
            if name == "nodes":
                self.evidence.take_heartbeat(found.data)
            if name == "pods":
                pod_into(self.pods, found.data, tally=self.images)
            else:
                self.objects[name].extend(self._shared.of(item) for item in reader.one(found.data))
        except BadInput as error:
            if name not in PLATFORM_READERS:
                raise located(error, found) from error
            self._refuse(name, found, located(error, found).message)

    def _refuse(self, name: str, found: Found, why: str) -> None:
        """Note an object of the platform that cannot be read: others define its fields, and the rest is good."""
        place = "/".join(part for part in (found.meta.namespace, found.meta.name) if part)
        field = FIELD_OF[name]
        self.refused.append(Missing(f"{name} {place}".strip(), why, UNKNOWN_OF[field], field))

    def _note_other(self, found: Found) -> None:
        group = found.api_version.rpartition("/")[0]
        if (group, found.kind) in _DRAINERS:
            self.drainers.add(found.kind)
        elif self.releases.take(found):
            return
        elif not self.evidence.take_platform(found.kind, found.data):
            self.skipped[found.kind] += 1

    def drawer(self, *resources: str) -> tuple[Any, ...]:
        """The objects of these resources, by namespace, name, and what else tells them apart."""
        items = [item for resource in resources for item in self.objects[resource]]
        return tuple(sorted(items, key=sort_key))


def sort_key(item: Any) -> tuple[str, ...]:
    """Namespace, name, then kind, UID and, where all that is equal, the whole content."""
    return (
        getattr(item, "namespace", ""),
        getattr(item, "configuration", "") or getattr(item, "name", ""),
        getattr(item, "name", ""),
        getattr(item, "kind", ""),
        getattr(item, "uid", ""),
        msgspec.json.encode(item).decode(),
    )
