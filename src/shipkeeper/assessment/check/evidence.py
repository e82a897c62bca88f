"""Unknown is a result: what could not be read, and which questions that leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shipkeeper.assessment.check.context import Context
from shipkeeper.assessment.check.registry import TITLE, Check, listed, named
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
    source="docs/concepts/promises.md",
)

_ALWAYS = frozenset({"pods", "nodes"})
"""Without these nothing is known, so no rule can say that it has nothing to ask."""

_STANDS_FOR = {"other-namespaces": "pods"}
_FIXES = {"other-namespaces": "survey the live cluster, or take a dump of all namespaces"}
_PROBED = "daemonsets"
"""Kinds of other maintenance software are asked for by ``resource.group``: the rule about them is then open."""


def look(context: Context, checks: Sequence[Check]) -> Iterator[Finding]:
    """One finding for each resource that is missing and that some rule needs for this inventory."""
    for item in sorted(context.inventory.cluster_missing, key=lambda item: (item.what, item.why)):
        needed = _STANDS_FOR.get(item.what, _PROBED if "." in item.what else item.what)
        open_rules: list[str] = []
        questions: list[str] = []
        for check in checks:
            touched = check.touches(context) or ("" if needed not in _ALWAYS else TITLE)
            if needed in check.rule.needs and touched:
                open_rules.append(check.rule.id)
                title = check.rule.title
                question = f"whether {title[0].lower()}{title[1:]}" if touched == TITLE else touched
                if question not in questions:
                    questions.append(question)
        if open_rules:
            yield Finding(
                rule=RULE.id,
                severity="unknown",
                object=named(ObjectRef("Resource", "", item.what)),
                message=f"could not be read: {item.why}",
                consequence="not known: " + (item.unknown if needed in _ALWAYS else listed(questions, 3)),
                fix=_FIXES.get(item.what, "let the survey read them (get, list), or use a dump that holds them"),
                evidence=tuple(open_rules),
            )
