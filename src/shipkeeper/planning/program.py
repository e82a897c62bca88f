"""The programme: works put into windows, with what is late, who decides what when, and what cannot be known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.knowledge.cadence import day_start
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import Platform
from shipkeeper.model.program import DecisionPoint, Program, Slot, Unplaced, Work
from shipkeeper.model.time import MINUTE, SECOND, format_duration, iso, moment, parse_instant
from shipkeeper.planning.fill import Box, Filled, Item, fill

MINUTES_BEFORE = 30 * MINUTE
"""So long before a window opens somebody decides whether it takes place."""


class Opening(Struct, frozen=True):
    """A window with what may go into it."""

    window: PlanWindow
    box: Box


class Asked(Struct, frozen=True, kw_only=True):
    """What a programme is made of. ``gap``: for a work of a followed environment, how long after the end of its window
    the same may begin here, or None when they are not tied.
    """

    platform: Platform
    works: Sequence[Work]
    openings: Sequence[Opening]
    gap: Callable[[Work, Work], int | None]
    created_ms: int
    blocked: Mapping[str, str] = {}
    """Ids of works that no window may hold yet → why."""
    doubts: tuple[str, ...] = ()


def make_program(asked: Asked) -> Program:
    """Put the works into windows. The same input gives the same digest."""
    works = _tied(asked)
    tied = [work for work in works if work.needs_window and work.id not in asked.blocked]
    free = [work for work in works if not work.needs_window]
    filled = fill([_item(work, asked) for work in tied], [one.box for one in asked.openings])
    slots = list(_slots(asked, filled))
    slots += _anytime(free)
    out = {**filled.unplaced, **asked.blocked}
    unplaced = tuple(Unplaced(work=id, why=out[id], late=id in filled.late) for id in sorted(out))
    by_id = {work.id: work for work in works}
    return Program(
        created_at=iso(asked.created_ms, asked.platform.zone),
        platform=asked.platform.name,
        zone=asked.platform.zone,
        works=tuple(works),
        slots=tuple(slots),
        unplaced=unplaced,
        late=tuple(dict.fromkeys(_late(by_id[id], filled, asked) for id in filled.late)),
        contingency=tuple(point for slot in slots for point in _points(slot, by_id, asked.platform)),
        contacts=_contacts(asked.platform),
        doubts=asked.doubts,
    ).sealed()


def _tied(asked: Asked) -> list[Work]:
    """The works with what they need elsewhere: the service cluster's first, and staging's."""
    made = []
    for work in asked.works:
        needs = [
            other.id
            for other in asked.works
            if other.id != work.id and _same(work, other) and asked.gap(work, other) is not None
        ]
        made.append(replace(work, needs=tuple(dict.fromkeys((*work.needs, *needs)))))
    return made


def _same(work: Work, other: Work) -> bool:
    """Whether two works are the same change in two clusters."""
    one = (work.product, work.component, work.to_version)
    return one == (other.product, other.component, other.to_version) and work.id != other.id


def _item(work: Work, asked: Asked) -> Item:
    by_id = {other.id: other for other in asked.works}
    gaps = [(need, _gap(work, by_id[need], asked)) for need in work.needs if need in by_id]
    return Item(
        id=work.id,
        environment=work.environment,
        length_ms=round(work.estimate_seconds.p95 * SECOND),
        content=work.content,
        change=work.change,
        rank=work.rank,
        needed_by_ms=_deadline(work.needed_by, asked.platform.zone),
        not_before_ms=parse_instant(work.not_before) if work.not_before else None,
        needs=tuple(gaps),
    )


def _gap(work: Work, other: Work, asked: Asked) -> int:
    """How long after that one: at least until another window where the hops of one component stand alone."""
    gap = asked.gap(work, other) or 0
    own_hop = other.cluster == work.cluster and other.product == work.product
    return max(gap, 1) if work.alone and own_hop else gap


def _deadline(by: str, zone: str) -> int | None:
    """The end of the day on which something is needed."""
    if not by:
        return None
    if len(by) > len("2026-01-01"):
        return parse_instant(by)
    return day_start(date.fromisoformat(by) + timedelta(days=1), zone)


def _slots(asked: Asked, filled: Filled) -> Iterator[Slot]:
    lengths = {work.id: work.estimate_seconds.p95 for work in asked.works}
    for opening, ids in zip(asked.openings, filled.placed, strict=True):
        yield Slot(
            environment=opening.box.environment,
            name=opening.box.name,
            window=opening.window,
            works=ids,
            planned_seconds=sum(lengths[id] for id in ids),
            usable_seconds=opening.box.usable_ms / SECOND,
        )


def _anytime(works: Sequence[Work]) -> list[Slot]:
    """Work that needs no window, by environment and rank."""
    names = dict.fromkeys(work.environment for work in works)
    return [
        Slot(
            environment=name,
            works=tuple(
                work.id
                for work in sorted(works, key=lambda work: (work.rank, work.needed_by or "9999", work.id))
                if work.environment == name
            ),
            planned_seconds=sum(work.estimate_seconds.p95 for work in works if work.environment == name),
        )
        for name in names
    ]


def _late(work: Work, filled: Filled, asked: Asked) -> str:
    title = f"{work.component} {work.to_version}".strip()
    index = filled.box_of(work.id)
    if index is None:
        return (
            f"{title} in {work.cluster} is needed by {work.needed_by[:10]} and in no window: {filled.unplaced[work.id]}"
        )
    opens = moment(asked.openings[index].window.opens_ms, asked.platform.zone)
    return f"{title} in {work.cluster} is needed by {work.needed_by[:10]} and planned for {opens:%-d %B %Y}"


def _points(slot: Slot, works: dict[str, Work], platform: Platform) -> list[DecisionPoint]:
    """The moments of a night at which somebody decides, in order."""
    if slot.window is None or not slot.works or slot.usable_seconds is None:
        return []
    opens_ms, closes_ms, zone = slot.window.opens_ms, slot.window.closes_ms, slot.window.zone
    stop_ms = opens_ms + round(slot.usable_seconds * SECOND)

    def point(at_ms: int, question: str, otherwise: str, final: str = "") -> DecisionPoint:
        at = iso(at_ms, zone)
        return DecisionPoint(
            window_opens=slot.window.opens_at if slot.window else "",
            at=at,
            question=question,
            otherwise=otherwise,
            final=final,
        )

    found = [
        point(
            opens_ms - MINUTES_BEFORE,
            "Is the checklist done, is the platform well, is the on-call there?",
            "do not begin: tell people that it is cancelled, and carry everything over",
        ),
        point(
            stop_ms,
            "The reserve begins: is everything well?",
            "begin nothing new; bring back what is away, mend forward what is half done",
        ),
        point(
            closes_ms,
            "The window ends: is everything well?",
            f"tell people that it takes longer, and call {_lead(platform)}",
        ),
    ]
    for id in slot.works:
        work = works[id]
        length_ms = round(work.estimate_seconds.p95 * SECOND)
        name = " ".join(filter(None, (work.component, work.to_version, "in", work.cluster)))
        final = next((step for step in work.steps if step.final), None)
        back = f"“{final.text}”" + (f"; if it fails: {final.forward}" if final.forward else "") if final else ""
        found.append(
            point(
                stop_ms - length_ms,
                f"Has {name} begun?",
                f"do not begin it: it takes up to {format_duration(-(-length_ms // MINUTE) * MINUTE)}; carry it over",
                back,
            )
        )
    return sorted(found, key=lambda one: (parse_instant(one.at), one.question))


def _lead(platform: Platform) -> str:
    found = next((person for person in platform.people if "lead" in person.roles), None)
    if found is None:
        return "whoever leads the team"
    return f"{found.name}, {found.contact}" if found.contact else found.name


def _contacts(platform: Platform) -> tuple[str, ...]:
    """Whom to call at night, in the order of escalation."""
    wanted = ("on-call", "lead", "security", "provider")
    found = [person for role in wanted for person in platform.people if role in person.roles]
    return tuple(
        dict.fromkeys(
            f"{person.name} ({', '.join(person.roles)}): {person.contact or 'no contact known'}" for person in found
        )
    )
