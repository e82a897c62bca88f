"""What scanners found, as a need for security patches: in which image, by when, and who has to act.

A severity gives a patch its date, by the platform file's ``patchDeadlines``. It does not make a patch critical: that is
decided by exploitation and exposure (``assessment/classing/critical.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from shipkeeper.assessment.classing.critical import judge_critical
from shipkeeper.assessment.classing.reach import DEVELOPERS, PLATFORM, Fence
from shipkeeper.assessment.scope import owner_of
from shipkeeper.knowledge.library import Knowledge
from shipkeeper.model.book import ExposureAnswered
from shipkeeper.model.change_class import Critical
from shipkeeper.model.facts import Vulnerability, VulnerabilityReport
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.platform import Platform
from shipkeeper.model.record import Record
from shipkeeper.model.schedule import DueItem, Need
from shipkeeper.model.time import DAY, HOUR, iso, moment, parse_duration, parse_instant

SEVERITIES = ("critical", "high", "medium", "low")
STALE_MS = 48 * HOUR
"""Trivy's operator writes a report anew every day; one that is older tells of another database."""
_MOST = 3


class PatchNeed(Record, frozen=True, kw_only=True):
    """One image with findings that a newer version mends. ``who``: platform | developers | unknown."""

    image: str
    who: str
    namespaces: tuple[str, ...]
    workloads: tuple[str, ...]
    fixable: dict[str, int]
    """Severity → findings with a fix."""
    unfixable: int
    """Critical and high findings that nothing mends yet."""
    packages: tuple[str, ...]
    """The worst of what to update: ``openssl 3.0.1 → 3.0.2 (CVE-…)``."""
    critical: Critical
    product: str = ""
    owner: str = ""
    needed_by: str = ""
    """RFC 3339; empty where no deadline is declared for what was found."""
    firm: bool = True
    """False: since when it is known is not told, and the date is counted from the scan."""
    text: str = ""


class PatchView(Record, frozen=True, kw_only=True):
    """All of it. ``unknown``: what was not scanned or read, in sentences; no needs is a pass only without."""

    needs: tuple[PatchNeed, ...]
    unknown: tuple[str, ...] = ()


class _Group(Struct):
    """Reports of one image in namespaces of one owner."""

    image: str
    who: str
    reports: list[VulnerabilityReport]


def patch_view(
    inventory: Inventory | None,
    platform: Platform,
    knowledge: Knowledge,
    answers: Sequence[ExposureAnswered],
    now_ms: int,
) -> PatchView:
    """What an inventory's reports ask for, the most pressing first. Raises BadInput for a deadline that is none."""
    if inventory is None:
        return PatchView(needs=(), unknown=("no cluster was read: what scanners found is not known",))
    deadlines = {name.lower(): parse_duration(text) for name, text in platform.patch_deadlines.items()}
    fence = Fence(platform, inventory)
    groups: dict[tuple[str, str, str], _Group] = {}
    for report in inventory.vulnerability_reports:
        who = fence.namespace(report.namespace).answer
        owner = owner_of(platform, report.namespace) if who != PLATFORM else None
        key = (image_of(report), who, owner.component if owner is not None else "")
        groups.setdefault(key, _Group(key[0], who, [])).reports.append(report)
    needs = [
        need
        for group in groups.values()
        if (need := _need(group, platform, knowledge, deadlines, answers, now_ms)) is not None
    ]
    needs.sort(key=lambda need: (not need.critical.due_now, need.needed_by or "9999", need.image, need.who))
    return PatchView(needs=tuple(needs), unknown=tuple(_unknown(inventory, needs, now_ms)))


def image_of(report: VulnerabilityReport) -> str:
    """The image as pods name it, more or less: ``registry/repository:tag``."""
    registry = "docker.io" if report.registry in ("index.docker.io", "docker.io") else report.registry
    name = f"{registry}/{report.repository}" if registry else report.repository
    return f"{name}:{report.tag}" if report.tag else f"{name}@{report.digest}" if report.digest else name


def _need(
    group: _Group,
    platform: Platform,
    knowledge: Knowledge,
    deadlines: Mapping[str, int],
    answers: Sequence[ExposureAnswered],
    now_ms: int,
) -> PatchNeed | None:
    newest = max(group.reports, key=lambda report: (report.updated_ms, report.namespace, report.name))
    fixable = [one for one in newest.findings if one.fixed]
    if not fixable:
        return None
    known = knowledge.identify_image(group.image)
    product = known.product if known is not None else ""
    namespace = newest.namespace
    scope = owner_of(platform, namespace)
    component = product or (scope.component if scope is not None else group.image)
    declared = next((one for one in platform.components if component in (one.name, one.product)), None)
    today = moment(now_ms, platform.zone).date()
    flagged = {one.id: knowledge.is_known_exploited(one.id, today) for one in fixable}
    critical = judge_critical(component, flagged, answers, declared.exposure if declared is not None else "")
    by_ms, firm, because = _deadline(fixable, newest.updated_ms or now_ms, deadlines)
    counts = Counter(one.severity.lower() for one in fixable)
    return PatchNeed(
        image=group.image,
        who=group.who,
        namespaces=tuple(sorted({report.namespace for report in group.reports})),
        workloads=tuple(
            sorted({f"{one.kind} {one.namespace}/{one.workload}" for one in group.reports if one.workload})[:_MOST]
        ),
        fixable={name: counts[name] for name in (*SEVERITIES, "unknown") if counts[name]},
        unfixable=sum(1 for one in newest.findings if not one.fixed),
        packages=tuple(_package(one) for one in fixable[:_MOST]),
        critical=critical,
        product=product,
        owner=(declared.owner if declared is not None else "") or (scope.owner if scope is not None else ""),
        needed_by=iso(by_ms, platform.zone) if by_ms is not None else "",
        firm=firm,
        text=_text(group.image, counts, because, bool(deadlines)),
    )


def _deadline(
    findings: Iterable[Vulnerability], scanned_ms: int, deadlines: Mapping[str, int]
) -> tuple[int | None, bool, str]:
    """(date, whether it is firm, the finding that sets it). Counted from when the finding became public."""
    dated = [
        ((one.published_ms or scanned_ms) + deadlines[one.severity.lower()], bool(one.published_ms), one.id)
        for one in findings
        if one.severity.lower() in deadlines
    ]
    return min(dated, key=lambda item: (item[0], item[2])) if dated else (None, True, "")


def _package(one: Vulnerability) -> str:
    return f"{one.package} {one.installed} → {one.fixed} ({one.id}, {one.severity.lower()})"


def _text(image: str, counts: Mapping[str, int], because: str, declared: bool) -> str:
    found = ", ".join(f"{counts[name]} {name}" for name in (*SEVERITIES, "unknown") if counts.get(name))
    if because:
        return f"{image}: {found} with a fix; {because} sets the date"
    why = "none of these severities has a deadline" if declared else "patchDeadlines declares none"
    return f"{image}: {found} with a fix; {why}"


def _unknown(inventory: Inventory, needs: Sequence[PatchNeed], now_ms: int) -> Iterable[str]:
    for item in inventory.missing_in("vulnerability_reports"):
        yield f"VulnerabilityReports were not read ({item.why}): what scanners found is not known"
    reports = inventory.vulnerability_reports
    if not reports:
        if not inventory.missing_in("vulnerability_reports"):
            yield "there are no VulnerabilityReports: nothing that was read scans images here"
        return
    old = [report for report in reports if report.updated_ms and now_ms - report.updated_ms > STALE_MS]
    if old:
        days = (now_ms - min(report.updated_ms for report in old)) // DAY
        told = f"{len(old)} of {len(reports)} reports are older than two days, the oldest {days} days"
        yield f"{told}: newer findings are missing"
    scanned = {(report.repository.rpartition("/")[2], report.tag) for report in reports}
    unscanned = [use.image for use in inventory.images if _last(use.image) not in scanned]
    if unscanned:
        more = f" and {len(unscanned) - _MOST} more" if len(unscanned) > _MOST else ""
        yield f"no report is about {', '.join(sorted(unscanned)[:_MOST])}{more}"
    asked = [need.critical for need in needs if need.critical.answer == "ask" and not need.critical.due_now]
    if asked:
        yield f"{asked[0].reason}; name a catalogue under sources: exploited"


def _last(image: str) -> tuple[str, str]:
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return name, tag


def needs_by_product(view: PatchView) -> Mapping[str, tuple[Need, ...]]:
    """What ``due`` takes: the platform's own needs, by product."""
    found: dict[str, list[Need]] = {}
    for need in view.needs:
        if need.product and need.who != DEVELOPERS:
            found.setdefault(need.product, []).append(_as_need(need))
    return {product: tuple(needs) for product, needs in found.items()}


def other_patches(view: PatchView, now_ms: int, told: Collection[str]) -> tuple[DueItem, ...]:
    """Rows for what no product's row shows: developers' images by owner, and images that nothing recognises.

    ``told``: products that have a row.
    """
    groups: dict[tuple[str, str], list[PatchNeed]] = {}
    for need in view.needs:
        if need.who == DEVELOPERS or need.product not in told:
            groups.setdefault((need.who, need.owner), []).append(need)
    return tuple(_row(who, owner, needs, now_ms) for (who, owner), needs in sorted(groups.items()))


def _row(who: str, owner: str, needs: Sequence[PatchNeed], now_ms: int) -> DueItem:
    by = min((need.needed_by for need in needs if need.needed_by), default="")
    over = any(need.critical.due_now for need in needs) or (by and needs_over(needs, now_ms))
    mine = who != DEVELOPERS
    whose = f" of {owner}" if owner and not mine else ""
    task = "Security patches of platform images" if mine else f"Security patches of application images{whose}"
    count = f"{len(needs)} images" if len(needs) > 1 else "1 image"
    act = "" if mine else "; for the developers to act on: the platform team tells them"
    return DueItem(
        id=f"patches-{who}" + (f"-{owner.lower().replace(' ', '-')}" if owner else ""),
        task=task,
        level="security component",
        cadence="On advisory",
        needs_window="None",
        impact="",
        last_done="",
        next_due="",
        state="overdue" if over else "due",
        reason=f"{count} with fixable findings: {needs[0].text}{act}",
        owner=owner,
        needed_by=by,
        needs=tuple(_as_need(need) for need in needs),
    )


def needs_over(needs: Iterable[PatchNeed], now_ms: int) -> bool:
    """Whether a firm date is over."""
    return any(need.firm and need.needed_by and parse_instant(need.needed_by) <= now_ms for need in needs)


def _as_need(need: PatchNeed) -> Need:
    if need.critical.due_now:
        return Need(kind="exploited", text=f"{need.image}: {need.critical.reason}", source=need.image)
    return Need(kind="patch", text=need.text, by=need.needed_by, source=need.image, firm=need.firm)
