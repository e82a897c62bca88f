"""Tables fit the terminal they are read on, and lose nothing."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from shipkeeper.cli.columns import say, show_columns

_WORD = st.text("abcdefgh-", min_size=1, max_size=9)
_CELL = st.lists(_WORD, max_size=6).map(" ".join)


def drawn(width: int, heads, rows, **how) -> list[str]:
    screen = io.StringIO()
    show_columns(Console(file=screen, width=width, emoji=False, highlight=False), heads, rows, **how)
    return screen.getvalue().splitlines()


@given(rows=st.lists(st.tuples(_CELL, _CELL, _CELL), min_size=1, max_size=5), width=st.integers(60, 140))
def test_no_line_is_wider_than_the_screen_and_no_word_is_lost_or_cut(rows, width):
    lines = drawn(width, ("A", "B", "C"), rows, last_below=True)
    assert all(len(line) <= width for line in lines), "a terminal would break these lines where it likes"
    assert all(line == line.rstrip() for line in lines), "blanks at the end come along when somebody copies"
    seen = sorted(" ".join(lines[1:]).split())
    assert seen == sorted(word for row in rows for cell in row for word in cell.split()), "words were lost or cut"


def test_a_reason_without_room_goes_under_its_row():
    row = ("node-os", "monthly or on an advisory of the vendor", "because " * 20 + "of that")
    narrow = drawn(80, ("TASK", "CADENCE", "WHY"), [row], last_below=True)
    assert narrow[0].split() == ["TASK", "CADENCE"]
    assert narrow[2].startswith("    because"), "the reason stands indented under what it is about"
    wide = drawn(240, ("TASK", "CADENCE", "WHY"), [row], last_below=True)
    assert wide[0].split() == ["TASK", "CADENCE", "WHY"]
    assert len(wide) == 2


def test_names_stay_whole_and_may_be_copied():
    name = "ci-ln-k7vx6h2-002ac-w7gjh-worker-eastus21-gqtkz"
    lines = drawn(60, ("NODE", "WHAT"), [(name, "several words that have to give way to it")], whole=(0,))
    assert lines[1].startswith(name)


def test_brackets_are_text_and_not_markup():
    assert drawn(60, ("A", "B"), [("[red]", "[/]")])[1] == "[red]  [/]"


def test_text_hangs_behind_its_label():
    screen = io.StringIO()
    say(Console(file=screen, width=30), "· ", "a note [x] that is longer than one line of this screen")
    first, *rest = screen.getvalue().splitlines()
    assert first.startswith("· a note [x]")
    assert all(line.startswith("  ") and len(line) <= 30 for line in rest)
