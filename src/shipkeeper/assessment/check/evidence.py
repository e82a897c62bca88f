"""Unknown is a result: what could not be read, and which questions that leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shipkeeper.assessment.check.context import Context
from shipkeeper.assessment.check.registry import Check, listed, named
from shipkeeper.model.findings import Finding, Rule
from shipkeeper.model.refs import ObjectRef

RULE = Rule(
    id="evidence-missing",
    title="Something could not be read, so a question stays open",
    explanation=(
        "A rule needs objects that the survey could not read: no right to list them, a dump that leaves them out, a "
        "file that is broken. The rule has then not passed; its answer is unknown, and a check fails on that unless "
        "told otherwise."
    ),
    fix="Give the survey the right to read them (doctor prints the RBAC), or take a dump that holds them.",
    source="docs/concepts/unknown.md",
)


def look(context: Context, checks: Sequence[Check]) -> Iterator[Finding]:
    """One finding for each resource that is missing and that some rule needs for this inventory."""
    for item in sorted(context.inventory.missing, key=lambda item: (item.what, item.why)):
        open_rules: list[str] = []
        questions: list[str] = []
        for check in checks:
            if item.what in check.rule.needs and (touched := check.touches(context)):
                open_rules.append(check.rule.id)
                if touched not in questions:
                    questions.append(touched)
        if open_rules:
            yield Finding(
                rule=RULE.id,
                severity="unknown",
                object=named(ObjectRef("Resource", "", item.what)),
                message=f"could not be read: {item.why}",
                consequence=f"not known: {listed(questions, 4)}",
                fix="let the survey read them (get, list), or use a dump that holds them",
                evidence=tuple(open_rules),
            )
