"""Counts that may be written as percentages.

Source: ``k8s.io/apimachinery/pkg/util/intstr``, GetScaledValueFromIntOrPercent.
"""

from __future__ import annotations

from shipkeeper.model.errors import BadInput
from shipkeeper.model.workloads import IntOrPercent


def scaled(value: IntOrPercent, total: int, *, round_up: bool) -> int:
    """Resolve a count or a percentage of ``total``. Raises BadInput when it is neither."""
    if isinstance(value, int):
        return value
    percent = percentage(value)
    if percent is None:
        raise BadInput(f"{value!r} is neither a count nor a percentage")
    share = percent * total
    return -(-share // 100) if round_up else share // 100


def percentage(value: IntOrPercent | None) -> int | None:
    """The number in ``25%``, or None when the value is a count, absent, or not a percentage."""
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdigit():
        return int(value[:-1])
    return None
