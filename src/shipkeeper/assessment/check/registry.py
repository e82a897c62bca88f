"""What a rule of ``check`` is: its words, the evidence it needs, and the function that looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from shipkeeper.assessment.check.context import Context
from shipkeeper.model.findings import Finding, Rule
from shipkeeper.model.record import NamedObject
from shipkeeper.model.refs import ObjectRef

Look = Callable[[Context], Iterator[Finding]]

TITLE = "title"
BLOCKS, DOWNTIME, RISK = "blocks", "downtime", "risk"


class Check(Struct, frozen=True):
    """A rule and how it is applied.

    ``effect``: blocks (can stop a drain), downtime (somebody notices), risk. ``touches`` tells which question about
    this inventory the rule answers; empty: none, so that missing evidence does not matter.
    """

    rule: Rule
    effect: str
    look: Look
    touches: Callable[[Context], str]


def everything(context: Context) -> str:
    """The default for ``touches``: the rule is about every cluster with nodes; its title is the question."""
    return TITLE if context.nodes else ""


def check(
    id: str,
    *,
    title: str,
    explanation: str,
    fix: str,
    source: str,
    needs: tuple[str, ...],
    effect: str,
    touches: Callable[[Context], str] = everything,
) -> Callable[[Look], Check]:
    """Turn a function over the context into a Check."""

    def wrap(look: Look) -> Check:
        rule = Rule(id=id, title=title, explanation=explanation, fix=fix, source=source, needs=needs)
        return Check(rule, effect, look, touches)

    return wrap


def named(ref: ObjectRef) -> NamedObject:
    """A reference as output writes it."""
    return NamedObject(kind=ref.kind, namespace=ref.namespace, name=ref.name)


def listed(names: list[str] | tuple[str, ...], most: int = 5) -> str:
    """Names in one line: the first few, and how many more."""
    if len(names) <= most:
        return ", ".join(names)
    return ", ".join(names[:most]) + f" and {len(names) - most} more"


def count(number: int, word: str) -> str:
    """``1 pod``, ``3 pods``."""
    if number == 1:
        return f"1 {word}"
    plural = f"{word[:-1]}ies" if word.endswith("y") and word[-2] not in "aeiou" else f"{word}s"
    return f"{number} {plural}"
