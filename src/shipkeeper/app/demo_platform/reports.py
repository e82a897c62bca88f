"""What Trivy's operator found: a report for each workload, and in three images something that can be mended.

The numbers of the findings have more digits than any authority gives out: they stand for findings, and are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shipkeeper.app.demo_platform.naming import FIRST, Moment, between
from shipkeeper.app.demo_platform.parts import App
from shipkeeper.app.demo_platform.placing import Machine, template_hash
from shipkeeper.app.demo_platform.podspec import Json, image_of
from shipkeeper.app.demo_platform.workloads import meta

_API = "aquasecurity.github.io/v1alpha1"


@dataclass(frozen=True)
class Finding:
    """One vulnerability. ``known``: how many days before the first survey it was published; ``fixed`` empty: no fix."""

    number: int
    severity: str
    package: str
    installed: str
    fixed: str
    score: float
    known: int


MENDABLE: dict[str, tuple[Finding, ...]] = {
    "monitoring/grafana": (
        Finding(9900101, "CRITICAL", "libssl3", "3.5.4-r0", "3.5.5-r0", 9.1, 3),
        Finding(9900102, "HIGH", "golang.org/x/net", "v0.48.0", "v0.49.0", 7.5, 17),
    ),
    "team-shop/storefront": (
        Finding(9900103, "CRITICAL", "express-session", "1.18.2", "1.19.0", 9.8, 9),
        Finding(9900104, "HIGH", "libxml2", "2.13.9-r0", "2.13.9-r1", 7.8, 21),
    ),
    "team-media/transcoder": (Finding(9900105, "HIGH", "ffmpeg", "7.1.1", "7.1.3", 8.1, 12),),
    # Retired: nobody mends these any more.
    "ingress-nginx/ingress-nginx-controller": (
        Finding(9900106, "HIGH", "stdlib", "v1.25.6", "", 7.5, 44),
        Finding(9900107, "HIGH", "golang.org/x/crypto", "v0.45.0", "", 7.4, 26),
    ),
}
_WORDS = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")


def reports(
    apps: Sequence[App], park: Sequence[Machine], static: Sequence[tuple[str, str, str]], moment: Moment
) -> list[Json]:
    """A report for each workload that runs, and for each static pod. ``static``: component, cpu, image."""
    found = [_of_app(app, moment) for app in apps if app.kind != "Pod"]
    for machine in park:
        if machine.pool == "cp":
            found += _of_static(machine, static, moment)
    return found


def _of_app(app: App, moment: Moment) -> Json:
    kind, name = app.kind, app.name
    if app.kind == "Deployment":
        kind, name = "ReplicaSet", f"{app.name}-{template_hash(app)}"
    elif app.kind == "Cluster":
        kind, name = "Pod", f"{app.name}-1"
    container = app.name.split("-")[0] if app.kind == "Cluster" else app.name
    return _report(app.namespace, kind, name, container, image_of(app), MENDABLE.get(app.key, ()), moment)


def _of_static(machine: Machine, static: Sequence[tuple[str, str, str]], moment: Moment) -> Iterator[Json]:
    for component, _, image in static:
        yield _report("kube-system", "Pod", f"{component}-{machine.name}", component, image, (), moment)


def _report(
    namespace: str, kind: str, name: str, container: str, image: str, findings: Sequence[Finding], moment: Moment
) -> Json:
    path, _, tag = image.rpartition(":")
    server, _, repository = path.partition("/")
    counts = {word: sum(item.severity == word for item in findings) for word in _WORDS}
    counts["MEDIUM"] += between(0, 4, "medium", image)
    counts["LOW"] += between(0, 21, "low", image)
    labels = {
        "trivy-operator.container.name": container,
        "trivy-operator.resource.kind": kind,
        "trivy-operator.resource.name": name,
        "trivy-operator.resource.namespace": namespace,
    }
    report = {
        "artifact": {"repository": repository, "tag": tag},
        "os": {"family": "wolfi", "name": "20230201"},
        "registry": {"server": "index.docker.io" if server == "docker.io" else server},
        "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "0.73.0"},
        "summary": {f"{word.lower()}Count": count for word, count in counts.items()},
        "updateTimestamp": moment.ago(between(60, 1300, "scanned", image) / 1440),
        "vulnerabilities": [_finding(item) for item in findings],
    }
    full = f"{kind.lower()}-{name}-{container}"
    made = meta("VulnerabilityReport", namespace, full, moment.at_ms - between(0, 80_000_000, "report", full), labels)
    return {"apiVersion": _API, "kind": "VulnerabilityReport", "metadata": made, "report": report}


def _finding(item: Finding) -> Json:
    return {
        "fixedVersion": item.fixed,
        "installedVersion": item.installed,
        "primaryLink": "",
        "publishedDate": FIRST.ago(item.known),
        "resource": item.package,
        "score": item.score,
        "severity": item.severity,
        "title": f"a finding in {item.package}, made up for this platform",
        "vulnerabilityID": f"CVE-2026-{item.number}",
    }
