"""Trivy operator's VulnerabilityReports (aquasecurity.github.io/v1alpha1): what is worth acting on.

Source: trivy-operator ``pkg/apis/aquasecurity/v1alpha1``. A finding is kept when there is a fix, or when it is
critical or high; the rest is counted. Titles, descriptions and links are not decoded.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec import field
from msgspec.structs import replace

from shipkeeper.model.facts import UNFIXED_KEPT, Vulnerability, VulnerabilityReport
from shipkeeper.semantics.wire.platform.parts import time_ms
from shipkeeper.semantics.wire.raw import Wire
from shipkeeper.semantics.wire.reader import Reader

T = TypeVar("T")

MOST_FINDINGS = 2_000
_RESOURCE = "trivy-operator.resource."
_CONTAINER = "trivy-operator.container.name"
_WORST_FIRST = {"CRITICAL": 0, "HIGH": 1, "MEDIUM": 2, "LOW": 3}


class WireReportMeta(Wire):
    """metadata."""

    name: str
    namespace: str | None = None
    labels: dict[str, str | None] | None = None


class WireArtifact(Wire):
    """report.artifact."""

    repository: str | None = None
    tag: str | None = None
    digest: str | None = None


class WireRegistry(Wire):
    """report.registry."""

    server: str | None = None


class WireOs(Wire):
    """report.os."""

    family: str | None = None
    name: str | None = None


class WireScanner(Wire):
    """report.scanner."""

    name: str | None = None
    version: str | None = None


class WireSummary(Wire):
    """report.summary."""

    critical_count: int | None = None
    high_count: int | None = None
    medium_count: int | None = None
    low_count: int | None = None
    unknown_count: int | None = None


class WireVulnerability(Wire):
    """report.vulnerabilities[]."""

    id: str | None = field(name="vulnerabilityID", default=None)
    resource: str | None = None
    installed_version: str | None = None
    fixed_version: str | None = None
    severity: str | None = None
    score: float | None = None
    published_date: str | None = None


class WireReportBody(Wire):
    """report."""

    update_timestamp: str | None = None
    artifact: WireArtifact | None = None
    registry: WireRegistry | None = None
    os: WireOs | None = None
    scanner: WireScanner | None = None
    summary: WireSummary | None = None
    vulnerabilities: list[WireVulnerability] | None = None


class WireReport(Wire):
    """A VulnerabilityReport."""

    metadata: WireReportMeta
    report: WireReportBody | None = None


def _report(wire: WireReport) -> tuple[VulnerabilityReport]:
    meta, report = wire.metadata, wire.report or WireReportBody()
    labels = meta.labels or {}
    artifact, summary = report.artifact or WireArtifact(), report.summary or WireSummary()
    scanner, os = report.scanner or WireScanner(), report.os or WireOs()
    findings, dropped = _findings(report.vulnerabilities or [])
    return (
        VulnerabilityReport(
            namespace=labels.get(_RESOURCE + "namespace") or meta.namespace or "default",
            name=meta.name,
            kind=labels.get(_RESOURCE + "kind") or "",
            workload=labels.get(_RESOURCE + "name") or "",
            container=labels.get(_CONTAINER) or "",
            registry=(report.registry.server or "") if report.registry else "",
            repository=artifact.repository or "",
            tag=artifact.tag or "",
            digest=artifact.digest or "",
            os=" ".join(part for part in (os.family, os.name) if part),
            scanner=scanner.name or "",
            scanner_version=scanner.version or "",
            updated_ms=time_ms(report.update_timestamp),
            critical=summary.critical_count or 0,
            high=summary.high_count or 0,
            medium=summary.medium_count or 0,
            low=summary.low_count or 0,
            unknown=summary.unknown_count or 0,
            findings=findings,
            dropped=dropped,
        ),
    )


def _findings(raw: list[WireVulnerability]) -> tuple[tuple[Vulnerability, ...], int]:
    """What is worth acting on, each once, worst first; and how many others there were."""
    kept = {
        Vulnerability(
            id=item.id or "",
            severity=(item.severity or "UNKNOWN").upper(),
            package=item.resource or "",
            installed=item.installed_version or "",
            fixed=item.fixed_version or "",
            score=item.score or 0.0,
            published_ms=time_ms(item.published_date),
        )
        for item in raw
        if item.fixed_version or (item.severity or "").upper() in UNFIXED_KEPT
    }
    ordered = sorted(kept, key=lambda item: (_WORST_FIRST.get(item.severity, 4), item.id, item.package, item.installed))
    few = tuple(ordered[:MOST_FINDINGS])
    useful = sum(bool(item.fixed_version) or (item.severity or "").upper() in UNFIXED_KEPT for item in raw)
    return few, len(raw) - useful + len(ordered) - len(few)


VULNERABILITIES: Reader[VulnerabilityReport] = Reader(
    "vulnerabilityreports",
    "VulnerabilityReport",
    "/apis/aquasecurity.github.io/v1alpha1",
    VulnerabilityReport,
    WireReport,
    _report,
)


class Shared:
    """Lets equal findings of many reports (one image in many workloads) be one object in memory."""

    def __init__(self) -> None:
        self._findings: dict[Vulnerability, Vulnerability] = {}
        self._lists: dict[tuple[Vulnerability, ...], tuple[Vulnerability, ...]] = {}

    def of(self, item: T) -> T:
        """The same report with shared findings; anything else as it is."""
        if not isinstance(item, VulnerabilityReport) or not item.findings:
            return item
        findings = tuple(self._findings.setdefault(found, found) for found in item.findings)
        return replace(item, findings=self._lists.setdefault(findings, findings))
