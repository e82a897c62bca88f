"""Findings as SARIF 2.1.0, for code scanning and editors.

An unknown is kind ``open`` ("could not be determined"), which by the standard carries level ``none``; errors,
warnings and notes are kind ``fail``. The object is a logical location; the dump, where there is one, the physical.
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

from shipkeeper import __version__
from shipkeeper.assessment.check import RULES, Findings
from shipkeeper.model.findings import Finding, Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note", "unknown": "none"}


def sarif(findings: Findings, source: str, *, from_file: bool) -> dict[str, Any]:
    """The SARIF log. ``source``: what was checked; an artifact when it is a file."""
    ids = sorted(RULES)
    index = {rule: i for i, rule in enumerate(ids)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "shipkeeper",
                        "semanticVersion": __version__,
                        "rules": [_rule(RULES[rule]) for rule in ids],
                    }
                },
                "invocations": [{"executionSuccessful": True}],
                "results": [_result(item, index, source if from_file else "") for item in findings.items],
                "properties": {"source": source},
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.explanation},
        "help": {"text": f"{rule.explanation}\n\nFix: {rule.fix}\n\nSource: {rule.source}"},
    }


def _result(finding: Finding, index: dict[str, int], artifact: str) -> dict[str, Any]:
    what = finding.object
    full = "/".join(part for part in (what.kind, what.namespace, what.name) if part)
    location: dict[str, Any] = {
        "logicalLocations": [{"name": what.name, "fullyQualifiedName": full, "kind": "resource"}]
    }
    if artifact:
        location["physicalLocation"] = {"artifactLocation": {"uri": quote(artifact.replace("\\", "/"))}}
    text = f"{full}: {finding.message}. Consequence: {finding.consequence}."
    if finding.fix:
        text += f" Fix: {finding.fix}."
    same = hashlib.sha256(f"{finding.rule}\n{full}".encode()).hexdigest()
    return {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "kind": "open" if finding.severity == "unknown" else "fail",
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {"ruleAndObject/v1": same},
        "properties": {
            "severity": finding.severity,
            "consequence": finding.consequence,
            "fix": finding.fix,
            "evidence": list(finding.evidence),
            "nodes": list(finding.nodes),
        },
    }
