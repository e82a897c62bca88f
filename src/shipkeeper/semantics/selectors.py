"""Label selectors: when they match, how they are read and how they are written.

Source: Kubernetes documentation, "Labels and Selectors"; ``metav1.LabelSelector``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from shipkeeper.model.errors import BadInput
from shipkeeper.model.labels import Requirement, Selector

_TERM = re.compile(
    r"""\s*(?:
        (?P<absent>!)\s*(?P<absent_key>[A-Za-z0-9._/-]+)
      | (?P<set_key>[A-Za-z0-9._/-]+)\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\)
      | (?P<key>[A-Za-z0-9._/-]+)\s*(?:(?P<sign>==|=|!=)\s*(?P<value>[A-Za-z0-9._-]*))?
    )\s*(?:,|$)""",
    re.VERBOSE,
)


def requirement_holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """Whether one expression holds for these labels.

    NotIn and DoesNotExist hold where the key is absent. Gt and Lt compare integers; anything else there is False.
    """
    operator = requirement.operator
    value = labels.get(requirement.key)
    if operator == "In":
        return value is not None and value in requirement.values
    if operator == "NotIn":
        return value is None or value not in requirement.values
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    if operator in ("Gt", "Lt") and value is not None and len(requirement.values) == 1:
        left, right = _integer(value), _integer(requirement.values[0])
        if left is None or right is None:
            return False
        return left > right if operator == "Gt" else left < right
    return False


def matches(selector: Selector | None, labels: Mapping[str, str]) -> bool:
    """Whether a selector matches these labels. None matches nothing, an empty selector everything."""
    if selector is None:
        return False
    for key, value in selector.pairs:
        if labels.get(key) != value:
            return False
    return all(requirement_holds(expression, labels) for expression in selector.expressions)


def parse_selector(text: str) -> Selector:
    """Read a selector the way kubectl's ``-l`` does: ``a=b,c!=d,e in (f,g),h,!i``.

    An empty text selects everything. Raises BadInput for what kubectl would not take either.
    """
    pairs: list[tuple[str, str]] = []
    expressions: list[Requirement] = []
    position = 0
    stripped = text.strip()
    while position < len(stripped):
        match = _TERM.match(stripped, position)
        if match is None or match.end() == position:
            raise BadInput(
                f"{text!r} is not a label selector: cannot read {stripped[position:]!r}",
                hint="write it as kubectl takes it, such as tier=web,zone in (a,b),!legacy",
            )
        _take_term(match, pairs, expressions)
        position = match.end()
        if position == len(stripped) and stripped.endswith(","):
            raise BadInput(f"{text!r} is not a label selector: it ends in a comma")
    return Selector(tuple(pairs), tuple(expressions))


def write_selector(selector: Selector | None) -> str:
    """Write a selector as kubectl's ``-l`` takes it. None gives ``<none>``, an empty one an empty text.

    Gt and Lt, which ``-l`` does not know, are written with ``>`` and ``<``.
    """
    if selector is None:
        return "<none>"
    parts = [f"{key}={value}" for key, value in selector.pairs]
    for expression in selector.expressions:
        values = ",".join(expression.values)
        parts.append(
            {
                "In": f"{expression.key} in ({values})",
                "NotIn": f"{expression.key} notin ({values})",
                "Exists": expression.key,
                "DoesNotExist": f"!{expression.key}",
                "Gt": f"{expression.key}>{values}",
                "Lt": f"{expression.key}<{values}",
            }.get(expression.operator, f"{expression.key} {expression.operator} ({values})")
        )
    return ",".join(parts)


def narrowed(selector: Selector | None, labels: Mapping[str, str], keys: tuple[str, ...]) -> Selector | None:
    """The selector with the pod's own value of each key added (``matchLabelKeys``); keys it lacks are left out."""
    if selector is None or not keys:
        return selector
    own = tuple((key, labels[key]) for key in keys if key in labels)
    return Selector(selector.pairs + own, selector.expressions)


def _take_term(match: re.Match[str], pairs: list[tuple[str, str]], expressions: list[Requirement]) -> None:
    if match["absent"]:
        expressions.append(Requirement(match["absent_key"], "DoesNotExist"))
    elif match["set"]:
        values = tuple(value.strip() for value in match["values"].split(","))
        expressions.append(Requirement(match["set_key"], "In" if match["set"] == "in" else "NotIn", values))
    elif match["sign"] == "!=":
        expressions.append(Requirement(match["key"], "NotIn", (match["value"],)))
    elif match["sign"]:
        pairs.append((match["key"], match["value"]))
    else:
        expressions.append(Requirement(match["key"], "Exists"))


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
