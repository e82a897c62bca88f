"""Flux 2.7, and what it runs: one release stalled, one suspended and forgotten, one that updates itself."""

from __future__ import annotations

from shipkeeper.app.demo_platform.helm import CHARTS, FAILED, Chart
from shipkeeper.app.demo_platform.naming import Moment, before, number, stamp
from shipkeeper.app.demo_platform.podspec import Json
from shipkeeper.app.demo_platform.workloads import meta

HELM, KUSTOMIZE, SOURCE = (f"{name}.toolkit.fluxcd.io" for name in ("helm", "kustomize", "source"))
SYSTEM = "flux-system"
SUSPENDED = "velero/velero"
"""Somebody took it out of Flux's hands for a restore test, and went on holiday."""
_COMMITS = {False: f"{number('commit'):016x}9c1b", True: f"{number('commit', 'later'):016x}41ea"}
_KUSTOMIZATIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("flux-system", "./clusters/demo", ()),
    ("sources", "./platform/sources", ("flux-system",)),
    ("platform", "./platform/releases", ("sources",)),
    ("policies", "./platform/policies", ("platform",)),
    ("identity", "./platform/identity", ("platform",)),
)
"""(name, path, what it depends on)."""


def flux(moment: Moment) -> list[Json]:
    """Every object of Flux."""
    found = [_repository_in_git(moment), *(_kustomization(*one, moment) for one in _KUSTOMIZATIONS)]
    found += [_repository(name, moment) for name in sorted({chart.repository for chart in CHARTS if chart.repository})]
    for chart in CHARTS:
        if chart.repository:
            found += [_helm_release(chart, moment), _helm_chart(chart, moment)]
    return found


def _object(group: str, version: str, kind: str, namespace: str, name: str, spec: Json, status: Json) -> Json:
    made = meta(
        kind,
        namespace,
        name,
        before(212, kind, name),
        {f"{KUSTOMIZE}/name": "platform", f"{KUSTOMIZE}/namespace": SYSTEM},
    )
    made["generation"] = 4
    return {
        "apiVersion": f"{group}/{version}",
        "kind": kind,
        "metadata": made,
        "spec": spec,
        "status": {"observedGeneration": 4, **status},
    }  # fmt: skip


def _condition(moment: Moment, type: str, status: str, reason: str, message: str, days: float = 1.5) -> Json:
    return {
        "lastTransitionTime": moment.ago(days),
        "message": message,
        "observedGeneration": 4,
        "reason": reason,
        "status": status,
        "type": type,
    }


def _ready(moment: Moment, reason: str = "Succeeded", message: str = "stored artifact") -> Json:
    return _condition(moment, "Ready", "True", reason, message)


def _repository_in_git(moment: Moment) -> Json:
    revision = f"main@sha1:{_COMMITS[moment.mended]}"
    return _object(
        SOURCE, "v1", "GitRepository", SYSTEM, "platform",
        {"interval": "1m0s", "ref": {"branch": "main"}, "secretRef": {"name": "platform-git"},
         "url": "ssh://git@git.example.net/platform/clusters.git"},
        {"artifact": {"lastUpdateTime": moment.ago(0.8), "revision": revision}, "conditions": [_ready(moment)]},
    )  # fmt: skip


def _kustomization(name: str, path: str, needs: tuple[str, ...], moment: Moment) -> Json:
    revision = f"main@sha1:{_COMMITS[moment.mended]}"
    spec: Json = {
        "interval": "10m0s",
        "path": path,
        "prune": True,
        "sourceRef": {"kind": "GitRepository", "name": "platform"},
        "wait": name == "platform",
    }
    if needs:
        spec["dependsOn"] = [{"name": need} for need in needs]
    entries = []
    if name == "platform":
        entries = [
            {"id": f"{chart.namespace}_{chart.name}_{HELM}_HelmRelease", "v": "v2"}
            for chart in CHARTS
            if chart.repository
        ]
    condition = _ready(moment, "ReconciliationSucceeded", f"Applied revision: {revision}")
    if name == "platform" and not moment.mended:
        told = f"health check failed: HelmRelease/{FAILED} status: 'Failed'"
        condition = _condition(moment, "Ready", "False", "HealthCheckFailed", told)
    status = {"conditions": [condition], "inventory": {"entries": entries}, "lastAppliedRevision": revision}
    return _object(KUSTOMIZE, "v1", "Kustomization", SYSTEM, name, spec, {**status, "lastAttemptedRevision": revision})


def _repository(name: str, moment: Moment) -> Json:
    spec = {"interval": "1h0m0s", "url": f"https://charts.example.net/{name}"}
    return _object(SOURCE, "v1", "HelmRepository", SYSTEM, name, spec, {"conditions": [_ready(moment)]})


def _asks(chart: Chart, moment: Moment) -> str:
    """The version that its HelmRelease asks for. What updated itself was pinned when the team mended things."""
    if f"{chart.namespace}/{chart.name}" == FAILED and not moment.mended:
        return "3.4.0"
    return chart.version if moment.mended else chart.asks or chart.version


def _helm_release(chart: Chart, moment: Moment) -> Json:
    key = f"{chart.namespace}/{chart.name}"
    source = {"kind": "HelmRepository", "name": chart.repository, "namespace": SYSTEM}
    spec: Json = {
        "chart": {"spec": {"chart": chart.chart, "sourceRef": source, "version": _asks(chart, moment)}},
        "interval": "15m0s",
        "releaseName": chart.name,
        "valuesFrom": [{"kind": "Secret", "name": f"{chart.name}-values"}],
    }
    if key == SUSPENDED and not moment.mended:
        spec["suspend"] = True
    history = [_snapshot(chart, chart.revision, "deployed", chart.version, moment)]
    conditions = [_ready(moment, "UpgradeSucceeded", f"Helm upgrade succeeded for release {key}")]
    status: Json = {"lastAttemptedRevision": _asks(chart, moment), "failures": 0}
    if key == FAILED and not moment.mended:
        history.insert(0, _snapshot(chart, chart.revision + 1, "failed", "3.4.0", moment))
        conditions = [
            _condition(moment, "Stalled", "True", "RetriesExceeded", "Failed to upgrade after 4 attempt(s)"),
            _condition(moment, "Ready", "False", "UpgradeFailed", f"Helm upgrade failed for release {key}: context deadline exceeded"),
        ]  # fmt: skip
        status["failures"] = 4
    elif key == FAILED:
        history[0]["version"] = chart.revision + 2
    return _object(
        HELM, "v2", "HelmRelease", chart.namespace, chart.name, spec,
        {**status, "conditions": conditions, "history": history},
    )  # fmt: skip


def _snapshot(chart: Chart, revision: int, status: str, version: str, moment: Moment) -> Json:
    return {
        "appVersion": chart.app,
        "chartName": chart.chart,
        "chartVersion": version,
        "firstDeployed": stamp(before(212, chart.namespace, chart.name)),
        "lastDeployed": moment.ago(3 if status == "failed" else chart.days),
        "name": chart.name,
        "namespace": chart.namespace,
        "status": status,
        "version": revision,
    }


def _helm_chart(chart: Chart, moment: Moment) -> Json:
    spec = {
        "chart": chart.chart,
        "interval": "15m0s",
        "sourceRef": {"kind": "HelmRepository", "name": chart.repository},
        "version": _asks(chart, moment),
    }
    status = {"artifact": {"revision": chart.version}, "conditions": [_ready(moment)]}
    return _object(SOURCE, "v1", "HelmChart", SYSTEM, f"{chart.namespace}-{chart.name}", spec, status)
