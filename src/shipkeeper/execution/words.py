"""Words that people leave for a run: pause, resume, approve, abort, reboot-done."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from shipkeeper.execution.context import Run
from shipkeeper.execution.signals import StopRequest
from shipkeeper.model.errors import ShipkeeperError
from shipkeeper.model.run import Decided
from shipkeeper.ports.journal import Inbox, Message


async def hear(run: Run, inbox: Inbox) -> None:
    """Take words for ever; in the background."""
    while True:
        listen(run, inbox)
        await run.runtime.sleep(run.options.words_every_ms)


def listen(run: Run, inbox: Inbox) -> None:
    """Take what was left: on record first, marked as taken last, so that a crash between these loses nothing.

    An inbox that cannot be read or marked just now is asked again in a moment.
    """
    try:
        left = inbox.waiting(run.id)
    except ShipkeeperError:
        return
    for message in left:
        if message.id not in run.record.view.heard:
            take(run, message)
    with suppress(ShipkeeperError):
        inbox.taken(run.id, [message.id for message in left])


def take(run: Run, message: Message) -> None:
    """Record a word, and act on it."""
    control = run.control
    run.record.write(
        Decided(
            decision=message.word,
            by=message.by,
            step=message.step,
            reason=message.reason,
            message=message.id,
            answers=_answers(run, message),
        ),
    )
    by = message.by or "somebody"
    because = f": {message.reason}" if message.reason else ""
    if message.word == "pause":
        control.request(StopRequest("person", "paused", f"paused by {by}{because}", 6, by))
    elif message.word == "abort":
        heed_abort(run)
    elif message.word == "resume" or message.word == "approve":
        control.resume()
    control.tell(message)


def _answers(run: Run, message: Message) -> tuple[str, ...]:
    """Steps whose holds the word was given to: those that hold now, or that held when it was left and nobody lived."""
    holding: Iterable[str] = run.control.holding
    view = run.record.view
    if message.at_ms <= view.process_ms:
        holding = [step for step, hold in view.stood.items() if hold.at_ms <= message.at_ms]
    return tuple(sorted(step for step in holding if message.concerns(step)))


def heed_abort(run: Run) -> None:
    """Stop for good where the record says that somebody aborted the run, in this process or in one before."""
    said = run.record.view.abort
    if said is not None:
        by = said.by or "somebody"
        because = f": {said.reason}" if said.reason else ""
        run.control.request(StopRequest("abort", "aborted", f"aborted by {by}{because}", 1, by))
