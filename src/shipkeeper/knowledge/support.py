"""Until when each release line of a product is supported: published dates, else what the project's policy gives."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.knowledge.documents import check_format, check_sources, decode, wrong
from shipkeeper.knowledge.numbering import belongs, numbers_of
from shipkeeper.knowledge.sources import Source
from shipkeeper.model.record import Record

Kind = Literal["date", "policy", "unknown"]
State = Literal["supported", "security only", "ended", "unknown"]

CADENCE_OF = 6
"""So many of the newest lines tell how often a new one comes."""


class Cycle(Struct, frozen=True, array_like=True, omit_defaults=True):
    """A release line, such as a minor. Dates are YYYY-MM-DD; empty: not published."""

    name: str
    released: str = ""
    eoas: str = ""
    """End of active support: from then on security fixes only."""
    eol: str | bool = ""
    """End of life. True: it has ended, and when was not published."""
    latest: str = ""
    latest_released: str = ""
    source: str = ""
    """Where this line was read, when not where the product was."""
    extended: str = ""
    """End of support that has to be ordered or joined (Debian LTS, Ubuntu ESM, RHEL ELS)."""
    latest_source: str = ""
    """Where the newest release was read, when not where the line was."""


class Policy(Struct, frozen=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """What holds where no date is published."""

    text: str
    """The project's rule in a sentence."""
    source: str
    newest: int = 0
    """So many of the newest lines are supported; 0: the rule cannot be reckoned with."""
    grace_days: int = 0
    """A line is supported that much longer than until it is no more among the newest."""


class ProductSupport(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is known of a product's support. ``cycles``: newest first."""

    id: str
    source: str
    cycles: tuple[Cycle, ...] = ()
    policy: Policy | None = None
    retired: str = ""
    """The day from which no line of it is supported any more."""
    remark: str = ""
    like: str = ""
    """Another product with whose versions its own are released and supported."""


class SupportFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of support dates."""

    format: int
    kind: str
    issued: str
    sources: dict[str, Source]
    products: tuple[ProductSupport, ...]


class Support(Record, frozen=True, kw_only=True):
    """Until when a version is supported, as asked on a day. Dates are YYYY-MM-DD, empty when not known."""

    product: str
    version: str
    kind: Kind
    """date: the project published it; policy: reckoned by its rule; unknown: neither, and ``reason`` says why."""
    state: State
    reason: str
    cycle: str = ""
    released: str = ""
    eoas: str = ""
    eol: str = ""
    """The day it ends or ended. Empty with state ``ended``: when was not published."""
    expected: str = ""
    """About when it will end, reckoned from how often releases came. A forecast: nobody published it."""
    extended: str = ""
    """End of support that has to be ordered or joined."""
    latest: str = ""
    """Newest release of this line that the source knows."""
    latest_released: str = ""
    newest: str = ""
    """Newest line of the product that the source knows."""
    source: str = ""
    retrieved: str = ""
    stale: bool = False
    """The source is older than its shelf life: it may still hold, and somebody should look again."""


def read_support(data: bytes, name: str) -> SupportFile:
    """Read a support file. Raises BadInput with the place of the mistake."""
    file = decode(data, SupportFile, name)
    check_format(file.format, file.kind, "support", name)
    check_support(file.products, file.sources, name)
    return file


def check_support(products: Iterable[ProductSupport], sources: Iterable[str], name: str) -> None:
    """Raise BadInput for a date that is none, and for a source that is not described."""
    have = set(sources)
    rows = {row.id: row for row in products}
    for row in rows.values():
        if row.like and (row.like not in rows or rows[row.like].like):
            raise wrong(name, f"the support of {row.id!r} is like that of {row.like!r}, which has none of its own")
        named = [row.source, *(cycle.source for cycle in row.cycles if cycle.source)]
        named += [row.policy.source] if row.policy else []
        check_sources([(f"the support of {row.id!r}", source) for source in named], have, name)
        _check_date(row.retired, f"the retirement of {row.id!r}", name)
        for cycle in row.cycles:
            for said in (cycle.released, cycle.eoas, cycle.eol, cycle.latest_released, cycle.extended):
                _check_date(said, f"{row.id!r} {cycle.name}", name)


def _check_date(said: str | bool, whose: str, name: str) -> None:
    if isinstance(said, bool) or not said:
        return
    try:
        date.fromisoformat(said)
    except ValueError:
        raise wrong(name, f"{whose} has the date {said!r}, which is none; write it like 2026-11-30") from None


def merge_support(known: Iterable[ProductSupport], own: Iterable[ProductSupport]) -> tuple[ProductSupport, ...]:
    """The known rows, each with the user's lines and policy in place of those of the same name."""
    rows = {row.id: row for row in known}
    for more in own:
        old = rows.get(more.id)
        if old is None:
            rows[more.id] = more
            continue
        mine = {cycle.name: replace(cycle, source=cycle.source or more.source) for cycle in more.cycles}
        cycles = [mine.pop(cycle.name, cycle) for cycle in old.cycles]
        rows[more.id] = replace(
            old,
            cycles=tuple(sorted([*cycles, *mine.values()], key=lambda cycle: numbers_of(cycle.name), reverse=True)),
            policy=more.policy or old.policy,
            retired=more.retired or old.retired,
            remark=more.remark or old.remark,
            like=more.like or old.like,
        )
    return tuple(rows.values())


class SupportDates:
    """Support of every product known here."""

    def __init__(self, products: Iterable[ProductSupport], sources: dict[str, Source]) -> None:
        self._rows = {row.id: row for row in products}
        self._sources = sources

    def row(self, product: str) -> ProductSupport | None:
        """Everything known of a product's support, or None."""
        return self._rows.get(product)

    def cycles(self, product: str) -> tuple[Cycle, ...]:
        """Release lines of a product, newest first; those of the product that it follows where it does. May be none."""
        row = self._rows.get(product)
        if row is not None and row.like:
            row = self._rows.get(row.like)
        return row.cycles if row is not None else ()

    def products(self) -> tuple[str, ...]:
        """Ids of the products something is known of."""
        return tuple(self._rows)

    def source(self, name: str) -> Source:
        """The source of that name."""
        return self._sources[name]

    def sources(self) -> dict[str, Source]:
        """Every source, by its name."""
        return dict(self._sources)

    def of(self, product: str, version: str, on: date) -> Support:
        """Until when that version is supported, as it looks on a day. Never raises: what is not known is unknown."""
        row = self._rows.get(product)
        if row is None:
            return _unknown(product, version, f"nothing is known here about the support of {product}")
        if row.like:
            return replace(self.of(row.like, version, on), product=product)
        source = self._sources[row.source]
        answer = _unknown(product, version, "", source, on)
        if row.cycles:
            answer = replace(answer, newest=row.cycles[0].name)
        given = numbers_of(version)
        if not given and row.retired:
            return _retired(answer, row.retired, row.remark, on)
        if not given:
            return replace(answer, reason="the version is not known" if not version else f"{version!r} is no version")
        index = _find(row.cycles, given)
        if index is None:
            return _retired(answer, row.retired, row.remark, on) if row.retired else _between(answer, row, given)
        cycle = row.cycles[index]
        told = self._sources[cycle.source] if cycle.source else source
        answer = replace(
            answer,
            cycle=cycle.name,
            released=cycle.released,
            eoas=cycle.eoas,
            extended=cycle.extended,
            latest=cycle.latest,
            latest_released=cycle.latest_released,
            source=told.cite(),
            retrieved=told.retrieved,
            stale=told.is_stale(on),
        )
        if row.retired:
            return _retired(answer, row.retired, row.remark, on)
        if cycle.eol is True:
            return replace(answer, kind="date", state="ended", reason=f"{cycle.name} has ended")
        if isinstance(cycle.eol, str) and cycle.eol:
            return _dated(answer, cycle.eol, on)
        return self._by_policy(answer, row, index, on)

    def _by_policy(self, answer: Support, row: ProductSupport, index: int, on: date) -> Support:
        policy = row.policy
        if policy is None or not policy.newest:
            why = policy.text if policy else "no date is published, and no rule of the project's is known here"
            return replace(answer, reason=why)
        source = self._sources[policy.source]
        answer = replace(answer, stale=answer.stale or source.is_stale(on), kind="policy")
        if index >= policy.newest:
            pushed_out = row.cycles[index - policy.newest].released
            if not pushed_out:
                return replace(answer, state="ended", reason=policy.text)
            end = date.fromisoformat(pushed_out) + timedelta(days=policy.grace_days)
            state: State = "ended" if on >= end else "security only"
            return replace(answer, state=state, eol=end.isoformat(), reason=policy.text)
        expected = _expected(row.cycles, policy.newest - index, policy.grace_days)
        answer = replace(answer, state="supported", expected=expected, reason=policy.text)
        if expected and date.fromisoformat(expected) <= on:
            past = f"{policy.text}; by its usual pace that was over about {expected}, and the facts here are older"
            return replace(answer, state="unknown", reason=past, stale=True)
        return answer


def _unknown(product: str, version: str, reason: str, source: Source | None = None, on: date | None = None) -> Support:
    return Support(
        product=product,
        version=version,
        kind="unknown",
        state="unknown",
        reason=reason,
        source=source.cite() if source else "",
        retrieved=source.retrieved if source else "",
        stale=source is not None and on is not None and source.is_stale(on),
    )


def _dated(answer: Support, eol: str, on: date) -> Support:
    """A line whose end is published. The day itself still counts as supported."""
    if on > date.fromisoformat(eol):
        more = answer.extended if answer.extended and on <= date.fromisoformat(answer.extended) else ""
        longer = f"; with extended support, which has to be ordered or joined, on {more}" if more else ""
        return replace(answer, kind="date", state="ended", eol=eol, reason=f"{answer.cycle} ended on {eol}{longer}")
    state: State = "supported"
    if answer.eoas and on > date.fromisoformat(answer.eoas):
        state = "security only"
    return replace(answer, kind="date", state=state, eol=eol, reason=f"{answer.cycle} ends on {eol}")


def _retired(answer: Support, day: str, remark: str, on: date) -> Support:
    ended = on > date.fromisoformat(day)
    words = f"no version of it is supported after {day}"
    return replace(
        answer,
        kind="date",
        state="ended" if ended else "supported",
        eol=day,
        reason=f"{words}: {remark}" if remark else words,
    )


def _find(cycles: tuple[Cycle, ...], given: tuple[int, ...]) -> int | None:
    """The line whose numbers the version begins with, the longest first."""
    best: tuple[int, int] | None = None
    for index, cycle in enumerate(cycles):
        named = numbers_of(cycle.name)
        if belongs(given, named) and (best is None or len(named) > best[0]):
            best = (len(named), index)
    return best[1] if best else None


def _between(answer: Support, row: ProductSupport, given: tuple[int, ...]) -> Support:
    """A version that belongs to no line known here."""
    if not row.cycles:
        why = row.policy.text if row.policy else "no release line of it is known here"
        return replace(answer, reason=why)
    named = [cycle.name for cycle in row.cycles if belongs(numbers_of(cycle.name), given)]
    if named:
        return replace(answer, reason=f"it stands for several lines ({', '.join(named[:4])}): which one is not told")
    newest, oldest = row.cycles[0], row.cycles[-1]
    if given > numbers_of(newest.name):
        return replace(answer, reason=f"newer than {newest.name}, the newest line known here: update the knowledge")
    if given < numbers_of(oldest.name):
        return replace(
            answer,
            kind="policy",
            state="ended",
            reason=f"older than {oldest.name}, the oldest line that is still listed",
        )
    return replace(answer, reason="it belongs to no release line known here")


def _expected(cycles: tuple[Cycle, ...], more: int, grace_days: int) -> str:
    """About when ``more`` newer lines will have come, by the usual time between the last ones; empty if unknown."""
    days = [date.fromisoformat(cycle.released) for cycle in cycles[:CADENCE_OF] if cycle.released]
    gaps = [(newer - older).days for newer, older in pairwise(days)]
    if not gaps or min(gaps) <= 0:
        return ""
    return (days[0] + timedelta(days=round(median(gaps)) * more + grace_days)).isoformat()
