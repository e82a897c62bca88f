"""Words that people leave for a run: pause, resume, approve, abort, reboot-done."""

from __future__ import annotations

from shipkeeper.execution.context import Run
from shipkeeper.execution.signals import StopRequest
from shipkeeper.model.errors import ShipkeeperError
from shipkeeper.model.run import Decided
from shipkeeper.ports.journal import Inbox, Message

WORDS = ("approve", "pause", "resume", "abort", "reboot-done")


async def hear(run: Run, inbox: Inbox) -> None:
    """Take words for ever; in the background."""
    while True:
        for message in _waiting(inbox, run.id):
            take(run, message)
        await run.runtime.sleep(run.options.words_every_ms)


def _waiting(inbox: Inbox, run_id: str) -> tuple[Message, ...]:
    """What was left; an inbox that cannot be read just now is read again in a moment."""
    try:
        return inbox.take(run_id)
    except ShipkeeperError:
        return ()


def take(run: Run, message: Message) -> None:
    """Record a word, and act on it."""
    run.record.write(
        Decided(decision=message.word, by=message.by, step=message.step, reason=message.reason),
    )
    control = run.control
    by = message.by or "somebody"
    because = f": {message.reason}" if message.reason else ""
    if message.word == "pause":
        control.request(StopRequest("person", "paused", f"paused by {by}{because}", 6, by))
    elif message.word == "abort":
        heed_abort(run)
    elif message.word == "resume":
        control.resume()
    elif message.word == "approve":
        control.resume()
        if not control.holding:
            control.approvals.append(message)
    control.tell(message)


def heed_abort(run: Run) -> None:
    """Stop for good where the record says that somebody aborted the run, in this process or in one before."""
    said = run.record.view.abort
    if said is not None:
        by = said.by or "somebody"
        because = f": {said.reason}" if said.reason else ""
        run.control.request(StopRequest("abort", "aborted", f"aborted by {by}{because}", 1, by))
