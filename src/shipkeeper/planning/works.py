"""From what is due to pieces of work: one for each hop of each component, with its steps in their order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from msgspec import Struct

from shipkeeper.knowledge.library import Knowledge
from shipkeeper.knowledge.sequences import PHASES, Outline, WorkSequence, cited, sequence_for, sequences
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Estimate
from shipkeeper.model.platform import Environment, Platform
from shipkeeper.model.program import Impact, Work, WorkStep
from shipkeeper.model.releases import Release
from shipkeeper.model.schedule import DueItem, is_tied
from shipkeeper.model.time import MINUTE, SECOND

NODES = "nodes"
MOST_HOPS = 12
"""A component that is further behind than this is not planned hop by hop: it is said, and rebuilt."""


class ClusterDue(Struct, frozen=True, kw_only=True):
    """What is due in one cluster. ``node_seconds``: (P50, P95) of going through its nodes once; None: not known."""

    environment: Environment
    cluster: str
    role: str
    context: str
    inventory: Inventory | None
    items: tuple[DueItem, ...]
    change: Callable[[str, str, str], tuple[str, tuple[str, ...], tuple[str, ...]]]
    """(product, from, to) → (class of change, why, further classes whose notice applies)."""
    node_seconds: tuple[float, float] | None = None


def works_of(due: ClusterDue, platform: Platform, knowledge: Knowledge, only: Sequence[str] = ()) -> tuple[Work, ...]:
    """The work that is due in a cluster. ``only``: ids of tasks or products; empty: everything due or overdue."""
    made: list[Work] = []
    for item in due.items:
        wanted = not only or item.id in only or (item.product and item.product in only)
        urgent = item.state in ("due", "overdue") or item.late
        if not wanted or not (urgent or only):
            continue
        if item.hops and len(item.hops) <= MOST_HOPS:
            made.extend(_hops(item, due, platform, knowledge))
        elif item.id == "node-os":
            made.append(_nodes(item, due, platform))
    return tuple(made)


def _hops(item: DueItem, due: ClusterDue, platform: Platform, knowledge: Knowledge) -> list[Work]:
    outlines = sequence_for(item.product)
    product = knowledge.products.get(item.product)
    release, owner = _owner(item.product, due.inventory, knowledge)
    made: list[Work] = []
    before = item.current
    for number, stop in enumerate(item.hops, start=1):
        change, why, also = due.change(item.product, before, stop)
        id = _id(due, item.product, stop)
        words = {
            "from": before,
            "to": stop,
            "name": release.name if release else "NAME",
            "namespace": release.namespace
            if release
            else (item.namespaces[0] if len(item.namespaces) == 1 else "NAMESPACE"),
            "release": release.name if release else "RELEASE",
            "chart": release.chart if release else item.product,
            "context": due.context or "CONTEXT",
        }
        made.append(
            Work(
                id=id,
                component=product.name if product else item.task,
                product=item.product,
                environment=due.environment.name,
                cluster=due.cluster,
                content=outlines.content,
                from_version=before,
                to_version=stop,
                change=change,
                change_why=why,
                also=also,
                needs_window=_needs_window(item, outlines, change),
                needed_by=item.needed_by if number <= max(1, item.hops_needed) else "",
                reason=item.reason,
                owner=item.owner,
                rank=outlines.rank,
                needs=(made[-1].id,) if made else (),
                estimate_seconds=_estimate(outlines, owner, due),
                impacts=_impacts(item, outlines),
                steps=tuple(_steps(id, outlines, owner, words, due)),
                approvals=_approvals(change, due.environment, platform),
                source=cited(outlines),
                alone=outlines.alone,
            )
        )
        before = stop
    return made


def _nodes(item: DueItem, due: ClusterDue, platform: Platform) -> Work:
    """Patching nodes: no version leads from one to the other."""
    outlines = next(one for one in sequences() if item.id in one.tasks)
    id = _id(due, item.id, "")
    words = {"from": "", "to": "", "context": due.context or "CONTEXT"}
    return Work(
        id=id,
        component=item.task,
        product="",
        environment=due.environment.name,
        cluster=due.cluster,
        content=outlines.content,
        from_version="",
        to_version="",
        change="security-patch",
        change_why=("updates within the release of the operating system",),
        needed_by=_day_after(item.needed_by or item.next_due),
        reason=item.reason,
        owner=item.owner,
        rank=outlines.rank,
        estimate_seconds=_estimate(outlines, "none", due),
        impacts=_impacts(item, outlines),
        steps=tuple(_steps(id, outlines, "none", words, due)),
        approvals=_approvals("security-patch", due.environment, platform),
        source=cited(outlines),
    )


def _id(due: ClusterDue, what: str, to: str) -> str:
    """``prod/keycloak-26.4.5``: the same whenever it is planned again."""
    return f"{due.cluster or due.environment.name}/{what}{'-' + to if to else ''}"


def _day_after(by: str) -> str:
    """A window opens in the evening of the day on which something is due, and ends on the next."""
    return (date.fromisoformat(by[:10]) + timedelta(days=1)).isoformat() if by else ""


def _owner(product: str, inventory: Inventory | None, knowledge: Knowledge) -> tuple[Release | None, str]:
    """The Helm release that brings a product, and who looks after it: helm, flux or none."""
    if inventory is None:
        return None, "none"
    for release in inventory.releases:
        if knowledge.products.identify_chart(release.chart) == product and release.status != "uninstalled":
            return release, "flux" if release.owner else "helm"
    for one in inventory.flux:
        if one.kind == "HelmRelease" and knowledge.products.identify_chart(one.chart) == product:
            return Release(one.namespace, one.release_name or one.name, 0, chart=one.chart), "flux"
    return None, "none"


def _needs_window(item: DueItem, outlines: WorkSequence, change: str) -> bool:
    tied = is_tied(item.needs_window) or outlines.window or outlines.content in ("os", "kubernetes")
    return tied or change in ("major", "kubernetes-minor")


def _estimate(outlines: WorkSequence, owner: str, due: ClusterDue) -> Estimate:
    """The sum of the steps: what was rehearsed for nodes, what is declared for the rest."""
    usual = late = 0.0
    sources = []
    for outline in _mine(outlines, owner):
        if outline.phase == NODES and due.node_seconds is not None:
            usual, late = usual + due.node_seconds[0], late + due.node_seconds[1]
            sources.append("nodes modelled")
        else:
            usual, late = usual + outline.minutes[0] * 60, late + outline.minutes[1] * 60
            sources.append("declared")
    return Estimate(p50=usual, p95=late, source=", ".join(dict.fromkeys(sorted(sources))))


def _mine(outlines: WorkSequence, owner: str) -> list[Outline]:
    """The steps for who looks after it, by meaning; where only one way is known, that one."""
    fitting = [outline for outline in outlines.steps if outline.owner in ("", owner)]
    if not any(outline.phase in ("apply", "nodes", "operator") for outline in fitting):
        fitting = [outline for outline in outlines.steps if outline.owner in ("", "helm")]
    return sorted(fitting, key=lambda outline: PHASES.index(outline.phase))


def _steps(id: str, outlines: WorkSequence, owner: str, words: Mapping[str, str], due: ClusterDue) -> list[WorkStep]:
    made = []
    for number, outline in enumerate(_mine(outlines, owner), start=1):
        usual, late = (minutes * MINUTE / SECOND for minutes in outline.minutes)
        source = "declared"
        if outline.phase == NODES and due.node_seconds is not None:
            usual, late, source = *due.node_seconds, "modelled"
        made.append(
            WorkStep(
                id=f"{id}/{number}-{outline.phase}",
                phase=outline.phase,
                text=_filled(outline.text, words),
                why=_filled(outline.why, words),
                manual=tuple(_filled(line, words) for line in outline.manual),
                seen=_filled(outline.seen, words),
                estimate_seconds=Estimate(p50=usual, p95=late, source=source),
                final=outline.final,
                forward=_filled(outline.forward, words),
            )
        )
    return made


def _filled(text: str, words: Mapping[str, str]) -> str:
    """Names put in; what is not known stays as a word in capitals. Doubled braces are braces."""
    named = re.sub(r"(?<!\{)\{([a-z]+)\}(?!\})", lambda m: words.get(m[1]) or m[1].upper(), text)
    return named.replace("{{", "{").replace("}}", "}")


def _impacts(item: DueItem, outlines: WorkSequence) -> tuple[Impact, ...]:
    low, high = outlines.minutes
    text = item.impact if item.impact and item.impact.lower() != "none" else outlines.impact
    return (Impact(label="declared", text=text, seconds=(low * 60, high * 60), source=cited(outlines)),)


def _approvals(change: str, environment: Environment, platform: Platform) -> tuple[str, ...]:
    """Who must have said yes, beside the window's own agreement."""
    if not environment.production:
        return ()
    lead = next((person.name for person in platform.people if "lead" in person.roles), "the team lead")
    if change in ("major", "kubernetes-minor", "unknown"):
        owners = next((person.name for person in platform.people if "developers" in person.roles), "application owners")
        return (lead, owners)
    return (lead,)
