"""From what was compared to evidence: each difference with whom it reaches, and whether anything meets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.assessment.classing.changelog import ChangelogReading
from shipkeeper.assessment.classing.chart_diff import compare_charts
from shipkeeper.assessment.classing.crd import Definition
from shipkeeper.assessment.classing.crd_diff import CrdChange, diff_crds
from shipkeeper.assessment.classing.manifests import compare_manifests, written_for_removed
from shipkeeper.assessment.classing.reach import PLATFORM, Fence, Reach
from shipkeeper.assessment.classing.stored import Stored, Used
from shipkeeper.assessment.classing.values import Keys, compare_values
from shipkeeper.assessment.classing.values_schema import unchecked
from shipkeeper.assessment.removed_apis import ApiReport
from shipkeeper.model.change_class import Evidence, Gap
from shipkeeper.model.chart import Chart
from shipkeeper.model.hops import ApiRemoval

Object = Mapping[str, Any]
Objects = Mapping[tuple[str, str], Sequence[Object]]
"""(API group, kind) → every object of the kind; a kind that is not a key was not listed."""

_MOST_NAMED = 5
_STORAGE = ("storage-version-changed", "stored-version-removed", "conversion-changed")
_NOTE_WEIGHTS = {
    "breaking": "breaking",
    "migration": "risky",
    "removed": "risky",
    "removed-inside": "note",
    "developer-notice": "risky",
    "administrator-notice": "note",
    "deprecated": "note",
    "security": "security",
}


class Found(Struct, frozen=True):
    """Evidence of one input. ``open_gaps`` are those that count as if something broke there."""

    evidence: tuple[Evidence, ...] = ()
    gaps: tuple[Gap, ...] = ()
    open_gaps: tuple[Gap, ...] = ()


def from_crds(old: Iterable[Definition], new: Iterable[Definition], objects: Objects | None, fence: Fence) -> Found:
    """Definitions of two releases, with the objects that exist."""
    known = {crd.name: crd for crd in fence.inventory.crds} if fence.inventory is not None else {}
    before = {
        crd.name: replace(crd, stored_versions=crd.stored_versions or known[crd.name].stored_versions)
        if crd.name in known
        else crd
        for crd in old
    }
    after = {crd.name: crd for crd in new}
    stored = {
        name: Stored(crd, after.get(name), objects.get((crd.group, crd.kind)) if objects is not None else None)
        for name, crd in before.items()
    }
    evidence: list[Evidence] = []
    for versions, found in _folded(diff_crds(before.values(), after.values())):
        used = stored[found.crd].used(found)
        reach = fence.definition(before[found.crd], used)
        if found.kind in _STORAGE:
            reach = Reach(PLATFORM, "how objects are stored is the platform's business")
        label = f"CRD {found.crd}" + (f" {', '.join(versions)}" if versions else "")
        # Without objects the same "nobody listed them" would stand behind every line.
        text = (
            found.change.text if used.answer == "unknown" and not used.objects else f"{found.change.text} ({used.why})"
        )
        evidence.append(
            Evidence(
                source="crds",
                kind=found.kind,
                object=label,
                path=found.change.path,
                text=text,
                weight=found.change.weight,
                reach=reach.answer,
                used=used.answer,
                affected=_named(used),
            )
        )
    return Found(tuple(evidence), tuple(_unlisted(before.values(), objects, evidence)))


def _folded(found: Sequence[CrdChange]) -> list[tuple[tuple[str, ...], CrdChange]]:
    """Changes that several versions of a kind share, told once."""
    groups: dict[tuple[str, str, str, str], list[CrdChange]] = {}
    for one in found:
        groups.setdefault((one.crd, one.kind, one.change.path, one.change.text), []).append(one)
    return [(tuple(one.version for one in same if one.version), same[0]) for same in groups.values()]


def _unlisted(crds: Iterable[Definition], objects: Objects | None, evidence: Sequence[Evidence]) -> list[Gap]:
    names = {one.object.removeprefix("CRD ").split(" ")[0] for one in evidence if one.used == "unknown"}
    missing = [crd.plural for crd in crds if crd.name in names and (crd.group, crd.kind) not in (objects or {})]
    if not missing:
        return []
    more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
    how = f"kubectl get {','.join(missing)} -A -o yaml > objects.yaml, then --objects objects.yaml --objects-complete"
    text = f"which objects there are was not looked at: {', '.join(missing[:_MOST_NAMED])}{more}"
    return [Gap(source="crds", text=text, effect="what changed there counts as in use", how=how)]


def _named(used: Used) -> tuple[str, ...]:
    names = tuple(str(ref) for ref in used.objects[:_MOST_NAMED])
    more = len(used.objects) - _MOST_NAMED
    return (*names, f"and {more} more") if more > 0 else names


def from_charts(old: Chart | None, new: Chart, keys: Keys | None, cluster_version: str) -> Found:
    """Two versions of a chart: what it says of itself, and its values. All of that meets the platform team first."""
    evidence = [
        Evidence(
            source="chart",
            kind=one.kind,
            object=f"Chart.yaml of {new.name}",
            path=one.path,
            text=one.text,
            weight=one.weight,
            # What a change log says in a chart is about the chart or about the software: it does not tell.
            reach="unknown" if one.kind.startswith("change-") else "platform",
        )
        for one in compare_charts(old, new, cluster_version)
    ]
    evidence += [
        Evidence(
            source="values",
            kind=value.kind,
            object=f"values of {new.name}",
            path=value.key,
            text=value.text,
            weight=value.weight,
            reach="platform",
            used=value.used,
        )
        for value in compare_values(old, new, keys)
    ]
    gaps = []
    if keys is None:
        text = "which values you set was not looked at"
        how = "--values FILE, or --from with Helm's releases (only keys and types are read)"
        gaps.append(Gap(source="values", text=text, effect="every key that goes counts as set", how=how))
    if old is None:
        text = "the old chart was not given: what its defaults were is not known"
        gaps.append(Gap(source="values", text=text, effect="changed defaults are not found", how="--chart-old PATH"))
    if keys is not None and unchecked(new.schema):
        text = (
            f"the chart's schema also has {', '.join(unchecked(new.schema))}, which only values can be checked against"
        )
        how = f"helm template {new.name} CHART -f values.yaml"
        gaps.append(Gap(source="values", text=text, effect="Helm may refuse a value", how=how))
    return Found(tuple(evidence), tuple(gaps), tuple(_unread(old, new)))


def _unread(old: Chart | None, new: Chart) -> list[Gap]:
    """Definitions among a chart's templates that cannot be read without rendering."""
    paths = [path for chart in (old, new) if chart is not None for path in unread_crds(chart)]
    if not paths:
        return []
    more = f" and {len(paths) - 2} more" if len(paths) > 2 else ""
    text = f"definitions in templates that need rendering: {', '.join(paths[:2])}{more}"
    return [
        Gap(source="crds", text=text, how="render both charts with helm template, and give --manifests-old and -new")
    ]


def unread_crds(chart: Chart) -> tuple[str, ...]:
    """Templates with definitions that could not be read, of the chart and of those in it."""
    return (*chart.unread_crds, *(path for inner in chart.charts for path in unread_crds(inner)))


def crds_of(chart: Chart) -> tuple[Object, ...]:
    """Definitions in the chart and in those inside it."""
    return (*chart.crds, *(document for inner in chart.charts for document in crds_of(inner)))


def from_manifests(
    old: Sequence[Object] | None, new: Sequence[Object], removals: Sequence[ApiRemoval], minor: str, fence: Fence
) -> Found:
    """Rendered manifests of two releases; ``minor``: the Kubernetes that the new ones have to run on."""
    found = list(compare_manifests(old, new)) if old is not None else []
    found += written_for_removed(new, removals, minor) if minor else []
    evidence = []
    for one in found:
        reach = fence.manifest(one)
        evidence.append(
            Evidence(
                source="removed-apis" if one.kind == "api-removed" else "manifests",
                kind=one.kind,
                object=str(one.object),
                path=one.path,
                text=one.text if reach.answer == "platform" else f"{one.text} ({reach.why})",
                weight=one.weight,
                reach=reach.answer,
                used="yes",
            )
        )
    gaps = []
    if not minor:
        text = "the cluster's version is not known: whether an API in the manifests is gone there was not looked at"
        gaps.append(Gap(source="removed-apis", text=text, how="--from, --context, or --kubernetes VERSION"))
    return Found(tuple(evidence), tuple(gaps))


def from_changelog(path: str, reading: ChangelogReading, *, told_elsewhere: bool = False) -> Found:
    """What a change log says. Prose does not tell whom it reaches, unless a notice names its readers.

    ``told_elsewhere``: another change log has the section that this one may lack.
    """
    evidence = [
        Evidence(
            source="changelog",
            kind=note.kind,
            object=f"{path} {note.version}".strip(),
            path=f"line {note.line}" if note.line else "",
            text=note.text,
            weight=_NOTE_WEIGHTS[note.kind],
            reach={"developer-notice": "developers", "administrator-notice": "platform"}.get(note.kind, "unknown"),
        )
        for note in reading.notes
    ]
    evidence += [
        Evidence(
            source="changelog", kind="vulnerability", object=path, path=id, text=f"it says that it mends {id}",
            weight="security",
        )
        for id in reading.vulnerabilities
        if not any(id in note.text.upper() for note in reading.notes)
    ]  # fmt: skip
    how = "read it yourself, and give the notes of the versions that are missing with --changelog"
    lacking = (reading.lacks,) if reading.lacks and not told_elsewhere else ()
    gaps = tuple(Gap(source="changelog", text=text, how=how) for text in (*reading.gaps, *lacking))
    return Found(tuple(evidence), open_gaps=gaps)


def from_removed_apis(report: ApiReport, fence: Fence) -> Found:
    """APIs that the hop of Kubernetes takes away and that are in use."""
    evidence = []
    for use in report.uses:
        # An object without a namespace is the business of whoever keeps it in a manifest.
        reach = fence.namespace(use.namespace or use.owner.partition("/")[0]) if use.name else None
        evidence.append(
            Evidence(
                source="removed-apis",
                kind=f"api-{use.state}",
                object=f"{use.kind} {use.namespace}/{use.name}".strip(" /") if use.name else use.kind,
                path=use.api_version,
                text=f"{use.text}; {use.fix}",
                weight="note" if use.state == "deprecated" else "breaking",
                reach=reach.answer if reach is not None else "unknown",
                used="yes",
            )
        )
    gaps = tuple(Gap(source="removed-apis", text=text) for text in report.unknown)
    return Found(tuple(evidence), gaps)
