"""A retrospective as it was put on record: who looked back, what they said, and what is done about it."""

from __future__ import annotations

from collections.abc import Iterable

from shipkeeper.evidence.words import clean
from shipkeeper.model.book import ActionOpened, RetrospectiveHeld
from shipkeeper.model.record import Record
from shipkeeper.model.run import RunEvent


class ActionRow(Record, frozen=True, kw_only=True):
    """What is done about something, by whom, by when."""

    id: str
    text: str
    owner: str
    due_on: str


class Recalled(Record, frozen=True, kw_only=True):
    """The newest retrospective of a run."""

    at_ms: int
    by: str
    present: tuple[str, ...]
    went_well: tuple[str, ...]
    to_improve: tuple[str, ...]
    actions: tuple[ActionRow, ...]


def recalled(run: str, events: Iterable[tuple[int, RunEvent]]) -> Recalled | None:
    """The newest retrospective of that run, with every action that came out of any; None when none was held."""
    held: tuple[int, RetrospectiveHeld] | None = None
    actions: dict[str, ActionRow] = {}
    for at_ms, event in events:
        if isinstance(event, RetrospectiveHeld) and event.run == run:
            held = (at_ms, event)
        elif isinstance(event, ActionOpened) and event.run == run:
            actions[event.id] = ActionRow(
                id=event.id, text=clean(event.text), owner=clean(event.owner), due_on=event.due_on
            )
    if held is None:
        return None
    at_ms, event = held
    return Recalled(
        at_ms=at_ms,
        by=clean(event.by),
        present=tuple(clean(name) for name in event.present),
        went_well=tuple(clean(text) for text in event.went_well),
        to_improve=tuple(clean(text) for text in event.to_improve),
        actions=tuple(actions.values()),
    )
