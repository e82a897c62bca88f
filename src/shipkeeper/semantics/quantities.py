"""Kubernetes quantities: ``100m``, ``1.5Gi``, ``12e6``.

Grammar from ``k8s.io/apimachinery/pkg/api/resource``: a signed decimal number, then a binary suffix (Ki … Ei), a
decimal suffix (n, u, m, k, M, G, T, P, E) or a decimal exponent (e3, E-2). ``E`` alone is exa; with digits after it, an
exponent.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from shipkeeper.model.errors import BadInput

_QUANTITY = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE])|[eE]([+-]?\d{1,9}))?", re.ASCII)
_SUFFIX = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 10**3),
    **{name: Fraction(10 ** (3 * power)) for power, name in enumerate("kMGTPE", start=1)},
    **{f"{name}i": Fraction(2 ** (10 * power)) for power, name in enumerate("KMGTPE", start=1)},
}
_LONGEST = 128
_LARGEST_EXPONENT = 100
_INT64 = 2**63 - 1
_IN_MILLICORES = frozenset({"cpu", "requests.cpu", "limits.cpu"})


def parse_quantity(text: str) -> Fraction:
    """Read a quantity exactly, in its base unit (cores, bytes, pieces). Raises BadInput when it is not one."""
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    exponent = int(match.group(4) or 0) if match else 0
    if match is None or abs(exponent) > _LARGEST_EXPONENT:
        raise BadInput(
            f"{text[:_LONGEST]!r} is not a Kubernetes quantity",
            hint="write it like 100m, 2, 1.5Gi, 500M or 1e3",
        )
    number = Fraction(match.group(2)) * Fraction(10) ** exponent
    if suffix := match.group(3):
        number *= _SUFFIX[suffix]
    return -number if match.group(1) == "-" else number


@lru_cache(maxsize=8_192)
def amount(resource: str, text: str) -> int:
    """Read a quantity of that resource in model units, rounded up: CPU in millicores, all else in its own unit.

    The API server caps a quantity at 2**63-1; so does this, which keeps the value in a 64-bit column.
    Raises BadInput when the text is not a quantity.
    """
    exact = parse_quantity(text) * (1_000 if resource in _IN_MILLICORES else 1)
    return max(-_INT64, min(_INT64, -(-exact.numerator // exact.denominator)))
