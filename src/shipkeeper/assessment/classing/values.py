"""A chart's values: what the user sets, against the defaults and schemas of two versions of the chart.

Of the user's values only keys and types come in here. Defaults are shown where they are short and their key does not
sound like a secret's.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from shipkeeper.assessment.classing.values_schema import declares, refusals
from shipkeeper.model.chart import Chart

Keys = Sequence[tuple[str, str]]
"""(path, type) of what the user sets: ``image.tag`` string, ``hosts[].name`` string, ``"a.b".c`` boolean."""

Steps = tuple[str, ...]
ELEMENT = "[]"

_SECRET = re.compile(r"(?i)pass|secret|token|credential|private|api-?key|auth")
_SHORT = 60
_ALIKE = 0.75
_TYPES = {
    str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null", dict: "map", list: "list",
}  # fmt: skip
_SCALARS = ("string", "boolean", "integer", "number")
_IMAGE_VERSION = ("tag", "digest", "sha", "appVersion", "imageTag")
_IMAGE_SOURCE = ("registry", "repository", "image", "imageRegistry", "defaultRegistry")


class ValueChange(Struct, frozen=True, kw_only=True):
    """A difference that meets what the user sets, or what they leave to the chart. ``used``: yes | unknown."""

    kind: str
    key: str
    text: str
    weight: str
    used: str = "yes"


class _Open:
    """Stands for values that nothing is known of: those of a dependency that is not packed into the chart."""


_OPEN = _Open()


def shape_of(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Keys and types of values. The values end here."""
    return tuple(sorted({(join(steps), _type(leaf)) for steps, leaf in leaves(values, into_lists=True) if steps}))


def compare_values(old: Chart | None, new: Chart, keys: Keys | None) -> tuple[ValueChange, ...]:
    """What changes for a user who sets those keys (None: not known), from one version of a chart to another."""
    before = defaults_of(old) if old is not None else None
    after = defaults_of(new)
    found: list[ValueChange] = []
    if keys is None:
        found.extend(_unknown_keys(before, after))
    else:
        mine = {split(path): kind for path, kind in keys}
        found.extend(_mine(mine, before, after, new))
        found.extend(
            ValueChange(kind=kind, key=key, text=text, weight="breaking")
            for kind, key, text in refusals(new.schema, after, mine)
        )
        found.extend(_left_to_the_chart(mine, before, after, used="yes"))
    return tuple(found)


def defaults_of(chart: Chart) -> Mapping[str, Any]:
    """The chart's defaults over those of the charts inside it, as Helm merges them."""
    packed = {inner.name: inner for inner in chart.charts}
    merged: dict[str, Any] = {}
    for dependency in chart.dependencies:
        inner = packed.get(dependency.name)
        merged[dependency.key] = _OPEN if inner is None else defaults_of(inner)
    known = {dependency.name for dependency in chart.dependencies}
    merged.update({name: defaults_of(inner) for name, inner in packed.items() if name not in known})
    return _over(merged, chart.defaults)


def _over(under: Mapping[str, Any], over: Mapping[str, Any]) -> Mapping[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below = under.get(key)
        if isinstance(below, _Open):
            continue
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = _over(below, value)
        merged[key] = value
    return merged


def _mine(mine: Mapping[Steps, str], before: Any, after: Any, new: Chart) -> Iterator[ValueChange]:
    """Keys that the user sets and the new chart does not know, or knows as something else."""
    fresh = [steps for steps, _ in leaves(after) if before is not None and not _is_declared(steps, before)]
    told: set[Steps] = set()
    for steps, kind in mine.items():
        depth, meets = _meets(steps, kind, after)
        place = steps[:depth]
        if meets == "fine" or place in told or (meets == "absent" and declares(new.schema, steps)):
            continue
        told.add(place)
        was = "absent" if before is None else _meets(steps, kind, before)[1]
        if meets == "absent" and was in ("fine", "other-type"):
            text = f"it is gone from the chart: what is set there has no effect any more{_renamed(place, fresh)}"
            yield ValueChange(kind="value-removed", key=join(place), text=text, weight="breaking")
        elif meets == "absent":
            text = "it is in neither chart's defaults: an option that they do not list, or a mistyped key"
            if before is None:
                text = "it is not in the new chart's defaults; whether it was in the old one's is not known"
            yield ValueChange(kind="value-not-listed", key=join(place), text=text, weight="note")
        elif meets == "other-type" and was != "other-type":
            default = _type(_at(place, after))
            set_as = kind if depth == len(steps) else "list" if steps[depth] == ELEMENT else "map"
            text = f"the chart now has a {default} there, and a {set_as} is set"
            both = default in _SCALARS and set_as in _SCALARS
            weight = "risky" if both or before is None else "breaking"
            yield ValueChange(kind="value-type-changed", key=join(place), text=text, weight=weight)


def _left_to_the_chart(mine: Mapping[Steps, str], before: Any, after: Any, *, used: str) -> Iterator[ValueChange]:
    """Defaults that changed and that the user does not override."""
    if before is None:
        return
    for steps, old in leaves(before):
        if _is_overridden(steps, mine):
            continue
        here = _at(steps, after)
        if isinstance(here, _Absent):
            continue
        if _equal(old, here):
            continue
        key, name = join(steps), steps[-1]
        if name in _IMAGE_VERSION:
            continue  # that another version brings another image is no news
        source = name in _IMAGE_SOURCE
        kind = "image-source-changed" if source else "default-changed"
        told = "images come from elsewhere: " if source else "left to the chart: "
        text = told + _changed(key, old, here)
        yield ValueChange(kind=kind, key=key, text=text, weight="risky", used=used)


def _unknown_keys(before: Any, after: Any) -> Iterator[ValueChange]:
    """Nobody told what the user sets: every key that goes away may be one."""
    if before is None:
        return
    fresh = [steps for steps, _ in leaves(after) if not _is_declared(steps, before)]
    told: set[Steps] = set()
    for steps, leaf in leaves(before):
        depth, meets = _meets(steps, _type(leaf), after)
        place = steps[:depth]
        if place in told or meets == "fine":
            continue
        told.add(place)
        if meets == "absent":
            text = f"it is gone from the chart: whatever is set there has no effect any more{_renamed(place, fresh)}"
            yield ValueChange(kind="value-removed", key=join(place), text=text, weight="breaking", used="unknown")
        else:
            text = f"the chart had a {_type(_at(place, before))} there and has a {_type(_at(place, after))}"
            yield ValueChange(kind="value-type-changed", key=join(place), text=text, weight="breaking", used="unknown")
    yield from _left_to_the_chart({}, before, after, used="unknown")


class _Absent:
    """Stands for what is not there."""


_NOWHERE = _Absent()


def _at(steps: Steps, values: Any) -> Any:
    for step in steps:
        if isinstance(values, _Open):
            return _OPEN
        if not isinstance(values, Mapping) or step not in values:
            return _NOWHERE
        values = values[step]
    return values


def _meets(steps: Steps, kind: str, values: Any) -> tuple[int, str]:
    """(how many steps lead to it, fine | absent | other-type): what a key that is set meets in defaults.

    Below an empty map, a list or nothing at all, a chart leaves everything to the user: fine.
    """
    for depth, step in enumerate(steps):
        if isinstance(values, _Open) or values in (None, "") or (depth and values == {} and step != ELEMENT):
            return depth, "fine"
        if isinstance(values, list):
            return depth, "fine" if step == ELEMENT else "other-type"
        if not isinstance(values, Mapping) or step == ELEMENT:
            return depth, "other-type"
        if step not in values:
            return depth + 1, "absent"
        values = values[step]
    default = _type(values)
    same = default == kind or {default, kind} == {"integer", "number"} or "null" in (default, kind)
    return len(steps), "fine" if same or isinstance(values, _Open) else "other-type"


def _is_declared(steps: Steps, values: Any) -> bool:
    return not isinstance(_at(steps, values), _Absent)


def _is_overridden(steps: Steps, mine: Mapping[Steps, str]) -> bool:
    """Whether the user sets that key, something inside it, or something no map that holds it."""
    return any(
        set_[: len(steps)] == steps or (steps[: len(set_)] == set_ and kind != "map") for set_, kind in mine.items()
    )


def _renamed(gone: Steps, fresh: Sequence[Steps]) -> str:
    """Where a key may have gone: to nearly that name in the same place, or to that name elsewhere."""
    beside = {steps[: len(gone)] for steps in fresh if steps[: len(gone) - 1] == gone[:-1]}
    near = [one for one in sorted(beside) if difflib.SequenceMatcher(None, one[-1], gone[-1]).ratio() > _ALIKE]
    same = sorted({steps for steps in fresh if steps[-1] == gone[-1] and steps[:-1] != gone[:-1]})
    found = near or same
    return f"; {join(found[0])} is new, and may be what it is called now" if len(found) == 1 else ""


def leaves(values: Any, steps: Steps = (), *, into_lists: bool = False) -> Iterator[tuple[Steps, Any]]:
    """Every leaf with its path; an empty map is one. So is a list, or with ``into_lists`` its elements: ``[]``."""
    children: Iterable[tuple[str, Any]] = ()
    if isinstance(values, Mapping) and values:
        children = values.items()
    elif into_lists and isinstance(values, list) and values:
        children = ((ELEMENT, item) for item in values)
    else:
        yield steps, values
        return
    for name, inner in children:
        yield from leaves(inner, (*steps, str(name)), into_lists=into_lists)


def join(steps: Steps) -> str:
    """A path as people write it."""
    text = ""
    for step in steps:
        if step == ELEMENT:
            text += step
        else:
            text += ("." if text else "") + (f'"{step}"' if "." in step else step)
    return text


_STEP = re.compile(r'"([^"]*)"|(\[\])|([^.\[\]"]+(?:\[(?!\])[^.]*)?)')


def split(path: str) -> Steps:
    """The steps of a path."""
    return tuple(quoted or element or plain for quoted, element, plain in _STEP.findall(path))


def _type(value: Any) -> str:
    return _TYPES.get(type(value), "unknown")


def _equal(value: Any, other: Any) -> bool:
    return type(value) is type(other) and bool(value == other)


def _changed(key: str, old: Any, new: Any) -> str:
    if isinstance(old, list) and isinstance(new, list) and old and new:
        return f"the default list of {len(old)} changed" + (f" to one of {len(new)}" if len(old) != len(new) else "")
    return f"the default was {_shown(key, old)} and is {_shown(key, new)}"


def _shown(key: str, value: Any) -> str:
    if isinstance(value, _Open):
        return "not known"
    if _SECRET.search(key) and isinstance(value, str) and value:
        return "one that is not shown"
    if isinstance(value, Mapping | list):
        return f"a {_type(value)}" if value else f"an empty {_type(value)}"
    text = "empty" if value in (None, "") else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
