"""Updates that wait as branches: read from git checkouts, put into an inventory, and classed by their versions."""

from __future__ import annotations

import os
from collections.abc import Sequence

from msgspec.structs import replace

from shipkeeper.app.classify import distance_between
from shipkeeper.app.given_files import GivenFiles
from shipkeeper.assessment.classing.classify import Change, classify
from shipkeeper.integrations.git.repository import open_repository
from shipkeeper.integrations.renovate import read_updates
from shipkeeper.knowledge.library import Knowledge
from shipkeeper.model.change_class import ChangeClass, Gap
from shipkeeper.model.facts import ProposedUpdate
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.record import Record
from shipkeeper.model.time import DAY


class OpenUpdate(Record, frozen=True, kw_only=True):
    """One update that waits, with its class. ``days``: since its branch's newest commit."""

    dependency: str
    current: str
    proposed: str
    branch: str
    title: str
    days: int
    files: tuple[str, ...]
    source: str
    change: ChangeClass


class OpenUpdates(Record, frozen=True, kw_only=True):
    """All of them, the oldest first. ``unknown``: what could not be read, in sentences."""

    items: tuple[OpenUpdate, ...]
    unknown: tuple[str, ...] = ()


def find_updates(folders: Sequence[str]) -> tuple[tuple[ProposedUpdate, ...], tuple[str, ...]]:
    """(updates, what could not be read) of these checkouts. Raises BadInput for a folder that is none."""
    updates: list[ProposedUpdate] = []
    unread: list[str] = []
    files = GivenFiles()
    for folder in folders:
        found = read_updates(open_repository(folder, os.environ), files.documents)
        updates.extend(found.updates)
        unread.extend(found.unread)
    return tuple(updates), tuple(unread)


def with_updates(inventory: Inventory, folders: Sequence[str]) -> tuple[Inventory, tuple[str, ...]]:
    """The inventory with the updates of these checkouts beside those that it has; and what could not be read."""
    updates, unread = find_updates(folders)
    merged = {(one.source, one.branch, one.dependency): one for one in (*inventory.updates, *updates)}
    return replace(inventory, updates=tuple(merged[key] for key in sorted(merged))), unread


def class_updates(
    updates: Sequence[ProposedUpdate], unread: Sequence[str], knowledge: Knowledge, at_ms: int
) -> OpenUpdates:
    """Each with the class that its versions alone give it."""
    items = [
        OpenUpdate(
            dependency=one.dependency,
            current=one.current,
            proposed=one.proposed,
            branch=one.branch,
            title=one.title,
            days=max(0, at_ms - one.committed_ms) // DAY,
            files=one.files,
            source=one.source,
            change=_classed(one, knowledge),
        )
        for one in updates
    ]
    items.sort(key=lambda item: (-item.days, item.branch, item.dependency))
    return OpenUpdates(items=tuple(items), unknown=tuple(unread))


def _classed(one: ProposedUpdate, knowledge: Knowledge) -> ChangeClass:
    known = knowledge.identify_image(one.dependency)
    product = known.product if known is not None else knowledge.identify_chart(one.dependency) or ""
    row = knowledge.products.get(product)
    # A chart has versions of its own, whatever its software's look like.
    scheme = row.scheme if row is not None and known is not None else ""
    distance, why = distance_between(one.current, one.proposed, scheme)
    how = f"shipkeeper classify --component {product or one.dependency} --chart-old … --chart-new … --changelog …"
    gaps = (Gap(source="changelog", text="only the versions were looked at", effect="their promise is taken", how=how),)
    return classify(
        Change(
            component=product or one.dependency, from_version=one.current or "not known",
            to_version=one.proposed or "not known", distance=distance, product=product, gaps=gaps,
            open_gaps=(Gap(source="version", text=why),) if why else (),
        )
    )  # fmt: skip
