"""What further sets a date or asks for a product's update: patches, removed APIs, proposed updates, notices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from msgspec import Struct

from shipkeeper.assessment.due.upkeep import Upkeep
from shipkeeper.assessment.removed_apis import ApiReport, removed_apis
from shipkeeper.knowledge.cadence import day_start
from shipkeeper.knowledge.library import Knowledge
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.lead import parse_lead
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import Platform
from shipkeeper.model.schedule import Need
from shipkeeper.model.time import DAY, iso, moment
from shipkeeper.semantics.skew import minor_of

KUBERNETES = "kubernetes"
_MOST = 3


class Needs(Struct, frozen=True):
    """Needs by product; ``remarks``: sentences by product that belong to the reason and set no date."""

    needs: Mapping[str, tuple[Need, ...]]
    remarks: Mapping[str, tuple[str, ...]]


def needs_of(
    platform: Platform,
    inventory: Inventory | None,
    upkeep: Mapping[str, Upkeep],
    knowledge: Knowledge,
    windows: Sequence[PlanWindow],
    now_ms: int,
    patches: Mapping[str, Sequence[Need]],
) -> Needs:
    """Put them together. ``patches``: what scanners found, by product."""
    needs: dict[str, list[Need]] = {product: list(found) for product, found in patches.items()}
    remarks: dict[str, list[str]] = {}
    if inventory is not None:
        for product, need in _updates(inventory, knowledge, now_ms):
            needs.setdefault(product, []).append(need)
        kubernetes = upkeep.get(KUBERNETES)
        if kubernetes is not None and kubernetes.path is not None:
            report = removed_apis(inventory, knowledge.removals, _minors(kubernetes))
            remarks.setdefault(KUBERNETES, []).extend(_apis(report))
            remarks[KUBERNETES].extend(_notice(platform, kubernetes, windows, now_ms))
    return Needs({key: tuple(found) for key, found in needs.items()}, {k: tuple(v) for k, v in remarks.items()})


def _minors(one: Upkeep) -> tuple[str, ...]:
    """``1.33, 1.34``: the minor that runs, then each one reached."""
    found = []
    for text in (one.running.oldest, *one.stops):
        known = minor_of(text)
        if known is not None:
            found.append(f"{known[0]}.{known[1]}")
    return tuple(dict.fromkeys(found))


def _apis(report: ApiReport) -> list[str]:
    """Removed APIs in use, or that nobody can say."""
    going = [use for use in report.uses if use.state in ("gone", "removed")]
    said = []
    if going:
        named = [
            f"{use.kind} {use.api_version}{f' of {use.owner}' if use.owner else ', which is asked for'} ({use.hop})"
            for use in going[:_MOST]
        ]
        more = f" and {len(going) - _MOST} more" if len(going) > _MOST else ""
        said.append(f"removed APIs in use: {', '.join(named)}{more}")
    elif report.unknown:
        said.append(f"whether removed APIs are in use is not known: {report.unknown[0]}")
    else:
        said.append("no removed API is in use")
    return said


def _notice(platform: Platform, one: Upkeep, windows: Sequence[PlanWindow], now_ms: int) -> list[str]:
    """By when developers have to be told, for the last window before support ends."""
    text = platform.notices.kubernetes_minor
    if len(_minors(one)) < 2:
        return []
    if not text:
        return ["nobody has decided how long before it developers are told (notices.kubernetesMinor)"]
    ends = one.needs[0].by if one.needs and one.needs[0].by else ""
    if not ends or not windows:
        return [f"developers are told {parse_lead(text)} before"]
    end_ms = day_start(date.fromisoformat(ends[:10]), platform.zone) + DAY
    fitting = [w for w in windows if now_ms < w.opens_ms and w.closes_ms <= end_ms] or list(windows[:1])
    leave_ms = parse_lead(text).before(fitting[-1].opens_ms, platform.zone)
    window = moment(fitting[-1].opens_ms, platform.zone)
    if leave_ms >= now_ms:
        return [f"developers' notice ({text}) must leave by {iso(leave_ms, platform.zone)[:10]} for {window:%-d %b}"]
    earliest = moment(parse_lead(text).after(now_ms, platform.zone), platform.zone)
    return [
        f"developers' notice ({text}) is too late for the window of {window:%-d %b}: "
        f"sent today it allows {earliest:%-d %b %Y}"
    ]


def _updates(inventory: Inventory, knowledge: Knowledge, now_ms: int) -> list[tuple[str, Need]]:
    """Proposed updates of products that are known here."""
    found = []
    for update in inventory.updates:
        image = knowledge.identify_image(update.dependency)
        product = knowledge.identify_chart(update.dependency) or (image.product if image else None)
        if product is None:
            continue
        age = f", open for {(now_ms - update.committed_ms) // DAY} days" if update.committed_ms else ""
        way = f"{update.current} → {update.proposed}" if update.current else update.proposed
        text = f"{update.dependency} {way} is proposed ({update.branch}){age}"
        found.append((product, Need(kind="update", text=text)))
    return found
