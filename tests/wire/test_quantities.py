"""Quantities: the whole grammar, exactly."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.errors import BadInput
from shipkeeper.semantics.quantities import amount, parse_quantity

SUFFIXES = {
    "": Fraction(1),
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 10**3),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "T": Fraction(10**12),
    "P": Fraction(10**15),
    "E": Fraction(10**18),
    "Ki": Fraction(2**10),
    "Mi": Fraction(2**20),
    "Gi": Fraction(2**30),
    "Ti": Fraction(2**40),
    "Pi": Fraction(2**50),
    "Ei": Fraction(2**60),
    "e3": Fraction(1000),
    "E3": Fraction(1000),
    "e+3": Fraction(1000),
    "e-3": Fraction(1, 1000),
    "E-2": Fraction(1, 100),
}


@pytest.mark.parametrize(
    ("resource", "text", "expected"),
    [
        ("cpu", "100m", 100),
        ("cpu", "1", 1_000),
        ("cpu", "0.1", 100),
        ("cpu", "1.5", 1_500),
        ("cpu", "100n", 1),
        ("cpu", "1500u", 2),
        ("cpu", "2e3", 2_000_000),
        ("requests.cpu", "4", 4_000),
        ("memory", "1Gi", 2**30),
        ("memory", "1.5Gi", 3 * 2**29),
        ("memory", "128974848", 128_974_848),
        ("memory", "129e6", 129_000_000),
        ("memory", "129M", 129_000_000),
        ("memory", "123Mi", 123 * 2**20),
        ("memory", "100m", 1),
        ("memory", "1E", 10**18),
        ("memory", "1E1", 10),
        ("memory", ".5Ki", 512),
        ("memory", "5.", 5),
        ("memory", "+5", 5),
        ("memory", "-5", -5),
        ("memory", "0", 0),
        ("pods", "110", 110),
        ("nvidia.com/gpu", "2", 2),
        ("memory", "10Ei", 2**63 - 1),
    ],
)
def test_amounts_in_model_units_rounded_up(resource: str, text: str, expected: int) -> None:
    assert amount(resource, text) == expected, f"{text} of {resource} would count as {amount(resource, text)}"


@pytest.mark.parametrize(
    "text",
    ["", " ", "1 ", " 1", "abc", "1.2.3", "m", "1mm", "1ki", "1KiB", "1e", "e3", "--1", "1e999999999", "1E+", "∞",
     "0x10", "1_000", "１", "1" * 200],
)  # fmt: skip
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="not a Kubernetes quantity"):
        parse_quantity(text)


@given(
    sign=st.sampled_from(["", "+", "-"]),
    number=st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False, places=6),
    suffix=st.sampled_from(sorted(SUFFIXES)),
)
def test_every_suffix_scales_every_number_exactly(sign: str, number: Decimal, suffix: str) -> None:
    text = f"{sign}{number:f}{suffix}"
    expected = Fraction(number) * SUFFIXES[suffix] * (-1 if sign == "-" else 1)
    assert parse_quantity(text) == expected


@given(st.fractions(min_value=0, max_value=10**6, max_denominator=10**6))
def test_rounding_never_asks_for_less(value: Fraction) -> None:
    scaled = value * 10**9
    text = f"{scaled.numerator // scaled.denominator}n"
    exact = parse_quantity(text)
    assert 0 <= amount("cpu", text) - exact * 1_000 < 1, "a pod would be given less CPU than it asked for"
    assert 0 <= amount("memory", text) - exact < 1
