"""What a chart says of itself, in two versions, and whether a cluster may take it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from shipkeeper.model.chart import Chart
from shipkeeper.model.errors import BadInput
from shipkeeper.model.version import Version, guess_version, parse_version
from shipkeeper.semantics.constraints import parse_constraint


class ChartFinding(Struct, frozen=True, kw_only=True):
    """One thing that a chart says, or that changed in what it says."""

    kind: str
    path: str
    text: str
    weight: str


def compare_charts(old: Chart | None, new: Chart, cluster_version: str) -> tuple[ChartFinding, ...]:
    """Everything that Chart.yaml tells. ``cluster_version`` may be empty: then whether the chart fits is unknown."""
    found = [*_cluster(new, cluster_version), *_said(new)]
    if old is not None:
        found.extend(_changed(old, new))
    return tuple(found)


def _cluster(chart: Chart, version: str) -> Iterator[ChartFinding]:
    if not chart.kube_version:
        return
    path = "kubeVersion"
    if not version:
        text = f"it wants Kubernetes {chart.kube_version}, and the cluster's version is not known"
        yield ChartFinding(kind="kube-version-unknown", path=path, text=text, weight="risky")
        return
    try:
        allowed = parse_constraint(chart.kube_version).allows(parse_version(version, "helm"))
    except BadInput as error:
        yield ChartFinding(kind="kube-version-unknown", path=path, text=error.message, weight="risky")
        return
    if allowed is None:
        text = f"it wants Kubernetes {chart.kube_version}; releases of Helm before 2025 refuse {version}, later take it"
        yield ChartFinding(kind="kube-version-unknown", path=path, text=text, weight="risky")
    elif not allowed:
        text = f"it wants Kubernetes {chart.kube_version}, and the cluster has {version}: Helm refuses it"
        if parse_version(version, "helm").is_prerelease:
            text += " (what follows the hyphen counts as a pre-release)"
        yield ChartFinding(kind="kube-version-refused", path=path, text=text, weight="breaking")


def _said(chart: Chart) -> Iterator[ChartFinding]:
    if chart.deprecated:
        text = "the chart is deprecated: nobody will mend it any more"
        yield ChartFinding(kind="chart-deprecated", path="deprecated", text=text, weight="risky")
    if chart.crds_in_folder:
        many = f"s of {chart.crds_in_folder} files" if chart.crds_in_folder > 1 else ""
        text = f"helm upgrade never touches the definition{many} in the folder crds: apply what is there first"
        yield ChartFinding(kind="crds-in-folder", path="crds", text=text, weight="note")
    if chart.security_updates:
        text = "the chart says that it contains security updates"
        path = "annotations.artifacthub.io/containsSecurityUpdates"
        yield ChartFinding(kind="security-updates", path=path, text=text, weight="security")
    for kind, words in chart.changes or ():
        weight = {"removed": "risky", "deprecated": "note", "security": "security"}.get(kind)
        if weight:
            path = "annotations.artifacthub.io/changes"
            yield ChartFinding(kind=f"change-{kind}", path=path, text=f"{kind}: {words}", weight=weight)


def _changed(old: Chart, new: Chart) -> Iterator[ChartFinding]:
    if old.name != new.name:
        text = f"these are two charts: {old.name} and {new.name}"
        yield ChartFinding(kind="another-chart", path="name", text=text, weight="risky")
    for what, before, after in (
        ("the chart", old.version, new.version),
        ("the software", old.app_version, new.app_version),
    ):
        if is_major(before, after):
            path = "version" if what == "the chart" else "appVersion"
            text = f"{what} goes from {before} to {after}, another major version"
            yield ChartFinding(kind=f"major-{path}", path=path, text=text, weight="risky")
    before_by_key = {one.key: one for one in old.dependencies}
    after_by_key = {one.key: one for one in new.dependencies}
    packed = ({one.name: one.version for one in old.charts}, {one.name: one.version for one in new.charts})
    for key, one in sorted(before_by_key.items()):
        path = f"dependencies.{key}"
        other = after_by_key.get(key)
        if other is None:
            text = "the chart no longer brings it along: what it installed is deleted"
            yield ChartFinding(kind="dependency-removed", path=path, text=text, weight="breaking")
            continue
        was, now = packed[0].get(one.name, one.version), packed[1].get(other.name, other.version)
        if is_major(was, now) and was != old.version:
            text = f"it goes from {was} to {now}, another major version"
            yield ChartFinding(kind="dependency-major", path=path, text=text, weight="risky")
    for key in sorted(after_by_key.keys() - before_by_key.keys()):
        text = f"the chart now brings it along, in {after_by_key[key].version or 'any version'}"
        yield ChartFinding(kind="dependency-added", path=f"dependencies.{key}", text=text, weight="note")


def is_major(before: str, after: str) -> bool:
    """Whether the first number differs, or the second one below 1.0. False where one of them cannot be read."""
    old, new = _read(before), _read(after)
    if old is None or new is None:
        return False
    return old.major != new.major or (old.major == 0 and old.minor != new.minor)


def _read(text: str) -> Version | None:
    """The version; of a simple range such as ``~2.6.0`` or ``2.6.x`` the one that it begins at."""
    plain = text.strip().lstrip("^~>=v ").replace(".x", "").replace(".*", "")
    try:
        return parse_version(plain, "helm")
    except BadInput:
        return guess_version(plain)
