"""Randomness is a function of (seed, stream, object), and the same on every machine."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.twin.entropy import SeededEntropy
from shipkeeper.twin.quantiles import quantiles
from shipkeeper.twin.scores import log_thousandths

U64 = st.integers(0, 2**64 - 1)


def test_pinned_values_hold_on_every_python() -> None:
    entropy = SeededEntropy(7)
    assert entropy.bits("uid", "default/web") == 0x4465424D8086EF2D, "changing this changes every forecast ever made"
    assert entropy.stream("ties").at(3, 1) == 0x97296B267DE26BAE
    assert SeededEntropy(-1).bits("a", "b") == 0x2031200704A6B542


def test_streams_keys_draws_and_seeds_are_apart() -> None:
    seen = {
        SeededEntropy(seed).stream(name).at(key, draw)
        for seed in range(4)
        for name in ("a", "b")
        for key in range(50)
        for draw in range(4)
    }
    assert len(seen) == 4 * 2 * 50 * 4


@given(st.integers(0, 10**7), st.integers(0, 10**7), U64)
def test_a_drawn_duration_stays_between_its_bounds(p50: int, more: int, bits: int) -> None:
    drawn = quantiles(p50, p50 + more).at(bits)
    assert p50 // 4 <= drawn <= p50 + 2 * more


@given(st.integers(0, 10**7), st.integers(0, 10**7), U64, U64)
def test_more_bits_never_mean_less_time(p50: int, more: int, one: int, other: int) -> None:
    table = quantiles(p50, p50 + more)
    assert table.at(min(one, other)) <= table.at(max(one, other))


def test_half_of_the_draws_are_below_p50_and_a_twentieth_above_p95() -> None:
    table, stream = quantiles(10_000, 30_000), SeededEntropy(1).stream("test")
    drawn = sorted(table.at(stream.at(key)) for key in range(20_000))
    assert abs(drawn[10_000] - 10_000) < 300
    assert abs(drawn[19_000] - 30_000) < 600
    assert quantiles(5_000, 5_000).at(123) == 5_000, "without spread there is nothing to draw"


def test_the_integer_logarithm_is_near_enough_and_rises() -> None:
    values = [log_thousandths(n) for n in range(2, 5_000)]
    assert values == sorted(values)
    assert abs(log_thousandths(1_024) - 6_931) <= 7
    assert abs(log_thousandths(100) - 4_605) <= 60
