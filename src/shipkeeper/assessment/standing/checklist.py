"""Gate checklist-before: what a person would look at before they begin was looked at, and is well.

A box that was computed and is failed or unknown holds everywhere. A box that nobody has read or ticked holds in
production. Either is set aside by a waiver of that box, on record. Readings of a cluster count for a day.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from shipkeeper.model.book import Waived
from shipkeeper.model.run import ChecklistItem
from shipkeeper.model.time import DAY, format_duration, parse_instant
from shipkeeper.ports.gates import GateReading

NAME = "checklist-before"
FRESH_MS = DAY
"""A reading of a cluster that is older says how it was yesterday."""
_MOST = 4
OURS = "shipkeeper"


def waived_box(digest: str, cluster: str, box: str) -> str:
    """What a waiver of one box is recorded for."""
    return f"{digest} {cluster}/{box}"


def waived_boxes(waivers: Sequence[Waived], digest: str, day: str) -> dict[tuple[str, str], Waived]:
    """(cluster, box) → the newest waiver of it for that plan that has a reason and is not over on that day.

    ``day`` empty: of any day.
    """
    found: dict[tuple[str, str], Waived] = {}
    for waiver in waivers:
        plan, _, rest = waiver.subject.partition(" ")
        cluster, slash, box = rest.rpartition("/")
        holds = bool(waiver.reason.strip()) and (not waiver.until or not day or day <= waiver.until)
        if (waiver.rule, plan) == (NAME, digest) and slash and holds:
            found[(cluster, box)] = waiver
    return found


def checklist_before(
    items: Sequence[ChecklistItem],
    waived: Mapping[tuple[str, str], Waived],
    *,
    read: Collection[str],
    production: bool,
    environment: str,
    reference_ms: int,
) -> GateReading:
    """Whether the list before allows a run to begin. ``items``: every box that is asked, as it stands.

    ``read``: clusters of which a reading is on record; ``reference_ms``: when the work begins, as far as is known.
    """
    clusters = tuple(dict.fromkeys(item.cluster for item in items))
    if not read and not production:
        where = f"{environment} is not production" if environment else "the platform file declares no environment"
        return GateReading(NAME, "open", f"the checklist was not read; {where}")
    asked = [item for item in items if (item.cluster, item.id) not in waived]
    bad = [item for item in asked if item.state in ("failed", "unknown")]
    old = _old(asked, reference_ms)
    unread = [cluster for cluster in clusters if cluster not in read] if production else []
    open_ = [item for item in asked if item.state == "open"] if production else []
    done = sum(item.state == "done" for item in items)
    aside = f", {len(waived)} set aside" if waived else ""
    reading = f"{done} of {sum(item.state != 'not-applicable' for item in items)} boxes done{aside}"
    if bad:
        words = "; ".join(f"{_named(item, clusters)} {item.state}: {item.reading}" for item in bad[:_MOST])
        return _shut(reading, f"{words}{_more(bad)}", _named(bad[0], clusters), _fix(bad[0], bad[0].state == "unknown"))
    if unread:
        words = f"nobody has read the checklist of {', '.join(name or 'the cluster' for name in unread)}"
        return _shut(reading, words, unread[0], "shipkeeper checklist before PLAN --context NAME")
    if old:
        age = format_duration(reference_ms - parse_instant(old[0].at))
        words = f"{_named(old[0], clusters)} was read {age} before it begins{_more(old, 1)}"
        return _shut(reading, words, _named(old[0], clusters), "read it again: shipkeeper checklist before PLAN …")
    if open_:
        names = ", ".join(_named(item, clusters) for item in open_[:_MOST])
        words = f"nobody has seen to {names}{_more(open_)}"
        return _shut(reading, words, _named(open_[0], clusters), _fix(open_[0], True))
    return GateReading(NAME, "open", reading)


def _old(items: Sequence[ChecklistItem], reference_ms: int) -> list[ChecklistItem]:
    read = [item for item in items if item.by == OURS and item.at and item.state == "done"]
    return [item for item in read if reference_ms - parse_instant(item.at) > FRESH_MS]


def _named(item: ChecklistItem, clusters: Sequence[str]) -> str:
    return f"{item.id} ({item.cluster})" if len(clusters) > 1 else item.id


def _more(found: Sequence[ChecklistItem], shown: int = _MOST) -> str:
    return f" and {len(found) - shown} more" if len(found) > shown else ""


def _fix(item: ChecklistItem, tickable: bool) -> str:
    which = f" --cluster {item.cluster}" if item.cluster else ""
    ways = [f"--tick {item.id}"] if tickable else []
    ways.append(f"--waive {item.id}")
    again = "" if tickable else "mend it and read it again, or: "
    return f"{again}shipkeeper checklist before PLAN {' or '.join(ways)}{which} --by WHO --note WHAT"


def _shut(reading: str, reason: str, object: str, fix: str) -> GateReading:
    return GateReading(NAME, "closed", reading, reason=reason, object=object, fix=fix)
