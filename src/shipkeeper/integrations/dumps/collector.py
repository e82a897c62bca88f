"""Objects from many files, each distinct one once, sorted into an inventory's drawers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from shipkeeper.integrations.dumps.documents import Found, ListHead, located
from shipkeeper.integrations.dumps.evidence import Evidence
from shipkeeper.model.errors import BadInput
from shipkeeper.model.table import PodTableBuilder
from shipkeeper.semantics.wire import READERS, pod_into, reader_for
from shipkeeper.semantics.wire.drainer_kinds import DRAINER_KINDS

_DRAINERS = {(group, kind) for (group, _), kind in DRAINER_KINDS.items()}


class Collector:
    """Takes objects in. Seeing one again (same UID, else same kind, namespace and name) changes nothing."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.pods = PodTableBuilder()
        self.objects: dict[str, list[Any]] = {name: [] for name in READERS}
        self.covered: set[str] = set()
        self.namespaces_of: dict[str, set[str]] = {}
        self.skipped: Counter[str] = Counter()
        self.drainers: set[str] = set()
        self.printed_dump = False
        """What ``kubectl cluster-info dump`` prints when it is given no folder."""
        self._seen: set[tuple[str, ...]] = set()

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
            reader = READERS[hint]
            found.kind, found.api_version = reader.kind, f"{reader.group}/" if reader.group else ""
        if not found.kind:
            self.skipped["(no kind)"] += 1
            return
        self._take(found)

    def _cover(self, head: ListHead, hint: str) -> None:
        reader = reader_for(head.api_version, head.kind)
        if reader is not None:
            self.covered.add(reader.resource)
        elif not head.kind and hint:
            self.covered.add(hint)

    def _take(self, found: Found) -> None:
        reader = reader_for(found.api_version, found.kind)
        if reader is None:
            self._note_other(found)
            return
        self.covered.add(reader.resource)
        meta = found.meta
        key = (found.kind, meta.uid) if meta.uid else (found.kind, meta.namespace or "", meta.name or "")
        if key in self._seen:
            return
        self._seen.add(key)
        try:
            if reader.resource == "pods":
                pod_into(self.pods, found.data)
            else:
                self.objects[reader.resource].extend(reader.one(found.data))
        except BadInput as error:
            raise located(error, found) from error

    def _note_other(self, found: Found) -> None:
        group = found.api_version.rpartition("/")[0]
        if (group, found.kind) in _DRAINERS:
            self.drainers.add(found.kind)
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
