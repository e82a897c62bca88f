"""Findings as JUnit XML: one suite, one test case for each finding, and one that passes for each rule without any.

Findings at or above the threshold are failures; an unknown is an error in JUnit's sense, because the question could
not be answered; findings below the threshold pass, with their text in system-out.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from xml.etree.ElementTree import Element, SubElement, indent, tostring  # written here, never parsed

from shipkeeper.assessment.check import RULES, Findings
from shipkeeper.model.findings import Finding

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, escaped or not."""


def junit(findings: Findings, failing: Collection[str], taken_at: str) -> str:
    """The report. ``failing``: severities that fail the check; ``taken_at``: when the inventory was taken."""
    suite = Element("testsuite", name="shipkeeper check", timestamp=taken_at.removesuffix("Z"), time="0")
    tests = failures = errors = 0
    by_rule: dict[str, list[Finding]] = {rule: [] for rule in sorted(RULES)}
    for item in findings.items:
        by_rule[item.rule].append(item)
    for rule, items in by_rule.items():
        if not items:
            tests += 1
            SubElement(suite, "testcase", classname=f"shipkeeper.check.{rule}", name=RULES[rule].title, time="0")
        for item in items:
            tests += 1
            what = " ".join(part for part in (item.object.kind, _path(item)) if part)
            case = SubElement(suite, "testcase", classname=f"shipkeeper.check.{rule}", name=_clean(what), time="0")
            if item.severity not in failing:
                SubElement(case, "system-out").text = _clean(_text(item))
            elif item.severity == "unknown":
                errors += 1
                _attach(case, "error", item)
            else:
                failures += 1
                _attach(case, "failure", item)
    suite.set("tests", str(tests))
    suite.set("failures", str(failures))
    suite.set("errors", str(errors))
    suite.set("skipped", "0")
    root = Element("testsuites", name="shipkeeper", tests=str(tests), failures=str(failures), errors=str(errors))
    root.append(suite)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _attach(case: Element, tag: str, item: Finding) -> None:
    SubElement(case, tag, message=_clean(item.message), type=item.severity).text = _clean(_text(item))


def _text(item: Finding) -> str:
    lines = [f"{item.severity}: {item.message}", f"consequence: {item.consequence}"]
    if item.fix:
        lines.append(f"fix: {item.fix}")
    lines.extend(f"evidence: {line}" for line in item.evidence)
    return "\n".join(lines)


def _path(item: Finding) -> str:
    return f"{item.object.namespace}/{item.object.name}" if item.object.namespace else item.object.name


def _clean(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
