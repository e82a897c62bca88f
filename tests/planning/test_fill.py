"""Which work goes into which window: laws, and the cases people argue about."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.time import DAY, HOUR
from shipkeeper.planning.fill import Box, Item, fill

AT = 1_800_000_000_000
CONTENTS = ("os", "kubernetes", "system-pods")
CHANGES = ("security-patch", "minor", "major")


def box(day: int, hours: int = 4, **more) -> Box:
    opens = AT + day * DAY
    return Box(
        **{"name": f"w{day}", "environment": "prod", "opens_ms": opens, "closes_ms": opens + hours * HOUR} | more
    )


def item(id: str, hours: float = 1, **more) -> Item:
    length = int(hours * HOUR)
    return Item(**{"id": id, "environment": "prod", "length_ms": length, "content": "os", "change": "minor"} | more)


items_of = st.lists(
    st.builds(
        lambda hours, content, change, due, after, rank: {
            "hours": hours, "content": content, "change": change, "rank": rank,
            "needed_by_ms": None if due is None else AT + due * DAY,
            "not_before_ms": None if after is None else AT + after * DAY,
        },
        st.sampled_from([0.5, 1, 2, 3, 5]), st.sampled_from(CONTENTS), st.sampled_from(CHANGES),
        st.none() | st.integers(0, 40), st.none() | st.integers(0, 30), st.integers(0, 3),
    ),
    max_size=8,
).map(lambda rows: [item(f"i{n}", needs=tuple((f"i{k}", 0) for k in range(n) if (n * 7 + k) % 5 == 0), **row)
                    for n, row in enumerate(rows)])  # fmt: skip
boxes_of = st.lists(st.integers(0, 40), unique=True, max_size=5).map(
    lambda days: [
        box(day, 2 + day % 4, reserve_ms=HOUR // 2, content=CONTENTS[: day % 4],
            frozen_but=("security-patch",) if day % 6 == 0 else None)
        for day in sorted(days)
    ]
)  # fmt: skip


@pytest.mark.requirement("R-C1")
@given(items_of, boxes_of)
def test_nothing_is_planned_that_may_not_or_does_not_fit(items, boxes) -> None:
    made = fill(items, boxes)
    by_id = {one.id: one for one in items}
    for window, ids in zip(boxes, made.placed, strict=True):
        assert sum(by_id[id].length_ms for id in ids) <= window.usable_ms, "work runs into the reserve"
        for position, id in enumerate(ids):
            one = by_id[id]
            assert not window.content or one.content in window.content, "not what the window is agreed for"
            assert window.frozen_but is None or one.change in window.frozen_but, "planned into a freeze"
            assert one.not_before_ms is None or window.opens_ms >= one.not_before_ms, "before its notice is lawful"
            for need, _ in one.needs:
                at = made.box_of(need)
                assert at is not None, "done without what it needs"
                assert boxes[at].opens_ms < window.opens_ms or need in ids[:position], "done before what it needs"


@given(items_of, boxes_of)
def test_every_work_is_placed_once_or_its_reason_is_given(items, boxes) -> None:
    made = fill(items, boxes)
    placed = [id for ids in made.placed for id in ids]
    assert sorted([*placed, *made.unplaced]) == sorted(one.id for one in items)
    assert all(made.unplaced.values()), "left out without a word"


@given(items_of, boxes_of, st.randoms())
def test_the_order_in_which_work_is_named_does_not_matter(items, boxes, random) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)
    assert fill(items, boxes).placed == fill(shuffled, boxes).placed


@given(
    st.lists(st.integers(0, 4), max_size=5),
    st.lists(st.integers(1, 3), min_size=1, max_size=4),
)
def test_for_work_of_one_length_nothing_is_late_that_need_not_be(dues, sizes) -> None:
    """Against every possible assignment, on small cases."""
    boxes = [box(day, hours) for day, hours in enumerate(sizes)]
    items = [item(f"i{n}", needed_by_ms=AT + due * DAY) for n, due in enumerate(dues)]

    def in_time(choice) -> bool:
        return all(
            one is not None and boxes[one].closes_ms <= items[n].needed_by_ms for n, one in enumerate(choice)
        ) and all(sum(c == index for c in choice) <= size for index, size in enumerate(sizes))

    possible = any(in_time(choice) for choice in product([None, *range(len(boxes))], repeat=len(items)))
    assert (not fill(items, boxes).late) == possible, "a way in which everything is in time was missed"


def test_what_is_needed_first_goes_first_with_what_it_needs() -> None:
    made = fill(
        [
            item("big", 4),
            item("crds", 1, rank=90),
            item("operator", 3, needed_by_ms=AT + 2 * DAY, needs=(("crds", 0),)),
        ],
        [box(1), box(8)],
    )
    assert made.placed == (("crds", "operator"), ("big",))
    assert made.late == ()


def test_staging_proves_itself_before_production() -> None:
    made = fill(
        [
            item("prod", needs=(("stage", 5 * DAY),)),
            item("stage", environment="staging"),
        ],
        [box(1, environment="staging"), box(3), box(9)],
    )
    assert made.placed == (("stage",), (), ("prod",))


@pytest.mark.parametrize(
    ("work", "windows", "why"),
    [
        (item("a", 9), [box(1)], "it takes 9h00m and the longest window leaves 4h00m"),
        (item("a", content="kubernetes"), [box(1, content=("os",))], "not agreed for kubernetes"),
        (item("a", change="major"), [box(1, frozen_but=("security-patch",), frozen_by="year-end")], "frozen: year-end"),
        (item("a", not_before_ms=AT + 30 * DAY), [box(1)], "its notice would come too late"),
        (item("a"), [], "no window is agreed for its environment"),
    ],
)
def test_what_is_left_out_says_why(work, windows, why) -> None:
    assert why in fill([work], windows).unplaced["a"]


def test_what_comes_after_its_date_is_called_late() -> None:
    made = fill([item("a", needed_by_ms=AT + DAY)], [box(3)])
    assert made.placed == (("a",),)
    assert made.late == ("a",)


def test_two_that_wait_for_each_other_are_left_out() -> None:
    made = fill([item("a", needs=(("b", 0),)), item("b", needs=(("a", 0),))], [box(1)])
    assert made.placed == ((),)
    assert made.unplaced["a"] == "it needs b first"
