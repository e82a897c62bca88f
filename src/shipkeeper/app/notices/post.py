"""Sending notices: each at most once, on record before it leaves and after, and honest about what nobody can know."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.notices.couriers import Couriers
from shipkeeper.app.notices.desk import Desk
from shipkeeper.app.state import State
from shipkeeper.assessment.notices.duties import Duty, earliest_lawful, first_word
from shipkeeper.assessment.notices.ledger import Delivery, Ledger, Tried, began
from shipkeeper.evidence.notices.invitation import invitation
from shipkeeper.journal.locks import RunLocks
from shipkeeper.model.book import BookEvent, NoticeAttempt, NoticeResult
from shipkeeper.model.errors import BadInput, Refused
from shipkeeper.model.notices import AGREEMENT, FIRST, KINDS, REMINDER, Message
from shipkeeper.model.record import Record
from shipkeeper.model.time import MINUTE, iso
from shipkeeper.ports.notices import Courier, Letter, Receipt

_SENDING = "notices-sending"
_BEFORE = (AGREEMENT, *FIRST, REMINDER)
"""What is sent when nobody says which kinds; the rest is told when it happens."""
_SETTLE_MS = MINUTE
"""A service is believed that it has no such text once it had this long to show it."""


class Wish(Struct, frozen=True, kw_only=True):
    """What a person asked to be sent. Empty: everything that is to be sent now.

    ``resend``: keys that are sent though they may have arrived; ``late``: also what is too late for its window.
    """

    by: str
    kinds: Collection[str] = ()
    audiences: Collection[str] = ()
    resend: Collection[str] = ()
    late: bool = False


class Sent(Record, frozen=True, kw_only=True):
    """One notice and what became of it.

    ``state``: sent | failed | unknown, now; kept (it was sent before), doubtful (it may have been, and is left
    alone), or to-send where nothing was to be sent.
    """

    key: str
    kind: str
    audience: str
    team: str
    channel: str
    to: str
    subject: str
    state: str
    proof: str = ""
    reason: str = ""


class _Piece(Struct, frozen=True):
    """One delivery with its text."""

    delivery: Delivery
    tried: Tried
    message: Message


def chosen(duties: Sequence[Duty], wish: Wish, now_ms: int) -> tuple[Duty, ...]:
    """The duties that a wish is about. Raises BadInput for keys that are not among them."""
    kinds = wish.kinds or _BEFORE
    if not wish.kinds and any(duty.obligation.kind == AGREEMENT for duty in duties):
        kinds = (AGREEMENT,)  # first it is agreed, then it is announced
    found = tuple(
        duty
        for duty in duties
        if duty.obligation.kind in kinds
        and (not wish.audiences or duty.obligation.audience in wish.audiences)
        and (wish.kinds or _now(duty, duties, now_ms))
    )
    known = {item.key for duty in duties for item, _ in duty.deliveries}
    strange = sorted(set(wish.resend) - known)
    if strange:
        raise BadInput(f"no notice of this has the key {strange[0]}", hint="shipkeeper notices status lists them")
    return found


def _now(duty: Duty, every: Sequence[Duty], now_ms: int) -> bool:
    """Whether it is to be told now: a reminder in its time, and to those who were told before."""
    one = duty.obligation
    if one.from_ms is not None and one.from_ms > now_ms:
        return False
    first = first_word(duty, every) if one.kind == REMINDER else None
    return first is None or (first.told and not duty.covered)


def refuse_late(desk: Desk, duties: Sequence[Duty], every: Sequence[Duty], now_ms: int) -> None:
    """Raise Refused when something would be announced that its window cannot lawfully follow.

    ``every``: all duties of the occasion, from which the earliest lawful opening is reckoned.
    """
    late = [
        duty
        for duty in duties
        if duty.obligation.kind in FIRST
        and duty.obligation.due_ms is not None
        and duty.obligation.due_ms < now_ms
        and any(tried.state in ("none", "failed") for _, tried in duty.deliveries)
    ]
    if not late:
        return
    one = late[0].obligation
    assert one.due_ms is not None
    zone = desk.occasion.zone
    earliest_ms = earliest_lawful(every, now_ms, zone)
    raise Refused(
        f"{one.kind} to {one.audience} was due by {iso(one.due_ms, zone)} ({one.lead} before the window)",
        code="notice-late",
        object=one.because,
        why="people would be told of a time at which the maintenance may not begin: gate notices-sent stays shut",
        hint=(f"plan it for {iso(earliest_ms, zone)} or later" if earliest_ms is not None else "plan it for later")
        + "; once it is waived or an emergency is declared: --late",
    )


def look(desk: Desk, duties: Sequence[Duty], wish: Wish) -> tuple[Sent, ...]:
    """What would be sent, rendered and not sent. Raises BadInput for a template that does not work."""
    return tuple(_row(piece, "to-send" if _to_send(piece, wish) else _kept(piece)) for piece in _pieces(desk, duties))


def send(
    desk: Desk,
    duties: Sequence[Duty],
    wish: Wish,
    state: State,
    couriers: Couriers,
    clock: Callable[[], int],
    on_sent: Callable[[Sent], None] = lambda _: None,
) -> tuple[Sent, ...]:
    """Send what the duties ask for and was not sent yet; every text is written before the first one leaves.

    Raises BadInput for a template that does not work, Refused while another process sends, Failed when the logbook
    cannot be written: then nothing more is sent.
    """
    logbook = Logbook.of(state, desk.platform)
    with _alone(state):
        # What another process sent meanwhile is not sent again.
        ledger = Ledger.of((item.at_ms, item.event) for item in logbook.read())
        pieces = [_Piece(p.delivery, ledger.of_key(p.delivery.key), p.message) for p in _pieces(desk, duties)]
        post = _Post(desk, wish, logbook, ledger, couriers, clock)
        try:
            rows = []
            for piece in pieces:
                rows.append(post.take(piece))
                on_sent(rows[-1])
        finally:
            post.flush()
    return tuple(rows)


class _Post:
    """Takes one notice after another; the result of each is written with the attempt of the next."""

    def __init__(
        self,
        desk: Desk,
        wish: Wish,
        logbook: Logbook,
        ledger: Ledger,
        couriers: Couriers,
        clock: Callable[[], int],
    ) -> None:
        self._desk, self._wish, self._logbook = desk, wish, logbook
        self._tried = dict(ledger.tried)
        self._couriers, self._clock = couriers, clock
        self._results: list[BookEvent] = []

    def take(self, piece: _Piece) -> Sent:
        """Send it, or say why it is left alone."""
        if piece.tried.state == "unknown" and piece.delivery.key not in self._wish.resend:
            found = self._ask(piece)
            if found.state == "sent":
                self._settle(piece, found)
                return _row(piece, "kept", found.proof, "it had arrived: the service was asked")
            if found.state == "unknown":
                return _row(piece, "doubtful", reason=f"{piece.tried.reason}; {found.reason}")
        elif not _to_send(piece, self._wish):
            return _row(piece, _kept(piece), piece.tried.proof)
        try:
            courier = self._couriers.of(piece.delivery.channel)
        except Exception as error:  # nothing has left: that is certain
            self._write(self._attempt(piece))
            receipt = Receipt("failed", reason=f"channel {piece.delivery.channel}: {type(error).__name__}: {error}")
        else:
            self._write(self._attempt(piece))
            receipt = self._deliver(courier, piece)
        self._settle(piece, receipt)
        return _row(piece, receipt.state, receipt.proof, receipt.reason)

    def flush(self) -> None:
        """Write the results that are not on disk yet."""
        if self._results:
            self._write()

    def _deliver(self, courier: Courier, piece: _Piece) -> Receipt:
        letter = self._letter(piece)
        try:
            return courier.deliver(letter)
        except Exception as error:  # a courier should not; whatever it did before, nobody knows
            return Receipt(
                "unknown", reason=f"{piece.delivery.channel} failed in an unforeseen way: {type(error).__name__}"
            )

    def _ask(self, piece: _Piece) -> Receipt:
        """Ask the service what became of an attempt that nobody knows of."""
        found = self._couriers.of(piece.delivery.channel).find(self._letter(piece), piece.tried.attempted_ms)
        if found.state == "failed" and self._clock() - piece.tried.attempted_ms < _SETTLE_MS:
            return Receipt("unknown", reason="the service shows nothing yet: ask again in a minute")
        return found

    def _settle(self, piece: _Piece, receipt: Receipt) -> None:
        settled = replace(piece.tried, state=receipt.state, settled_ms=self._clock(), proof=receipt.proof)
        self._tried[piece.delivery.key] = settled
        self._results.append(
            NoticeResult(key=piece.delivery.key, state=receipt.state, proof=receipt.proof, reason=receipt.reason)
        )

    def _write(self, *events: BookEvent) -> None:
        results, self._results = self._results, []
        self._logbook.write(self._clock(), [*results, *events])

    def _attempt(self, piece: _Piece) -> NoticeAttempt:
        delivery, occasion = piece.delivery, self._desk.occasion
        return NoticeAttempt(
            key=delivery.key,
            kind=delivery.kind,
            audience=delivery.audience,
            channel=delivery.channel,
            to=delivery.to,
            subject=piece.message.subject,
            digest=digest_of(piece.message),
            plan=occasion.plan,
            window_opens=occasion.window.opens_at if occasion.window else "",
            change=", ".join(filter(None, (occasion.change, *occasion.also))),
            by=self._wish.by,
        )

    def _letter(self, piece: _Piece) -> Letter:
        delivery, window = piece.delivery, self._desk.occasion.window
        now_ms = self._clock()
        return Letter(
            key=delivery.key,
            thread=delivery.thread,
            kind=delivery.kind,
            audience=delivery.audience,
            to=delivery.to,
            subject=piece.message.subject,
            body=piece.message.body,
            sent_ms=now_ms,
            opens_at=window.opens_at if window else "",
            closes_at=window.closes_at if window else "",
            calendar=invitation(piece.message, window, f"{delivery.thread}-{delivery.times}", now_ms),
            began=began(delivery, Ledger(self._tried)),
        )


def digest_of(message: Message) -> str:
    """SHA-256 of what a reader reads."""
    return hashlib.sha256(f"{message.subject}\n\n{message.body}".encode()).hexdigest()


def _pieces(desk: Desk, duties: Sequence[Duty]) -> list[_Piece]:
    """Every notice with its text; all are written before any is sent."""
    order = {kind: number for number, kind in enumerate(KINDS)}
    found = []
    for duty in sorted(duties, key=lambda duty: order[duty.obligation.kind]):
        if duty.obligation.problem:
            continue
        message = desk.message(duty.obligation)
        found += [_Piece(item, tried, message) for item, tried in duty.deliveries]
    return found


def _to_send(piece: _Piece, wish: Wish) -> bool:
    return piece.tried.state in ("none", "failed") or piece.delivery.key in wish.resend


def _kept(piece: _Piece) -> str:
    return "kept" if piece.tried.state == "sent" else "doubtful"


def _row(piece: _Piece, state: str, proof: str = "", reason: str = "") -> Sent:
    one = piece.delivery
    return Sent(
        key=one.key,
        kind=one.kind,
        audience=one.audience,
        team=one.team,
        channel=one.channel,
        to=one.to,
        subject=piece.message.subject,
        state=state,
        proof=proof,
        reason=reason,
    )


@contextmanager
def _alone(state: State) -> Iterator[None]:
    """No other process of this state folder sends meanwhile. Raises Refused."""
    locks = RunLocks(state.journal_path.parent / (state.journal_path.name + ".locks"))
    try:
        locks.take(_SENDING)
    except Refused as error:
        raise Refused(
            "another process is sending notices from this state folder",
            code="notices-elsewhere",
            object=str(state.folder),
            why="people would be told twice",
            hint="wait until it has ended, then look: shipkeeper notices status",
        ) from error
    try:
        yield
    finally:
        locks.close()
