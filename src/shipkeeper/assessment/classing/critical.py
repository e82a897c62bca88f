"""Whether a change is critical: a working exploit exists, and it is usable against this platform.

Severity is no part of it. A scanner's CRITICAL says how bad a vulnerability is anywhere; it gives its patch a date.
Whether it can wait is decided by exploitation and exposure, and exposure is answered by a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shipkeeper.knowledge.exploited import Exploited
from shipkeeper.model.book import EmergencyDeclared, ExposureAnswered
from shipkeeper.model.change_class import Critical

YES, NO, ASK = "yes", "no", "ask"
_MOST = 5


def judge_critical(
    component: str,
    flagged: Mapping[str, Exploited],
    answers: Sequence[ExposureAnswered] = (),
    exposure: str = "",
    emergencies: Sequence[EmergencyDeclared] = (),
) -> Critical:
    """Judge by what a change mends. ``flagged``: each vulnerability with whether it is known to be exploited.

    ``answers``: the logbook's, oldest first; the newest for a vulnerability of this component counts. ``exposure``:
    who can reach the component, by the platform file (internet | internal | none).
    """
    found = _judge(component, flagged, answers, exposure)
    ids = {item.upper() for item in found.vulnerabilities}
    declared = [
        one for one in emergencies if (one.subject.upper() in ids or one.subject == component) and one.by != one.second
    ]
    if not declared or not found.due_now:
        return found
    last = declared[-1]
    return Critical(
        answer=found.answer,
        reason=f"{found.reason}; {last.by} and {last.second} declared an emergency: {last.reason}",
        vulnerabilities=found.vulnerabilities,
        question=found.question,
        due_now=found.due_now,
        emergency=last.id,
    )


def _judge(
    component: str, flagged: Mapping[str, Exploited], answers: Sequence[ExposureAnswered], exposure: str
) -> Critical:
    mended = {item.upper(): said for item, said in sorted(flagged.items())}
    if not mended:
        return Critical(answer=NO, reason="it mends no vulnerability that is known here")
    hits = tuple(item for item, said in mended.items() if said.answer == "yes")
    if hits:
        return _exposed(component, hits, answers, exposure)
    untold = tuple(item for item, said in mended.items() if said.answer == "unknown")
    if untold:
        return Critical(
            answer=ASK,
            reason=f"whether {_listed(untold)} is exploited is not known: {mended[untold[0]].reason}",
            vulnerabilities=untold,
            question="Is a working exploit known for any of these? A recent catalogue tells.",
        )
    how = "none of the vulnerabilities that it mends is" if len(mended) > 1 else f"{next(iter(mended))} is not"
    return Critical(answer=NO, reason=f"{how} known to be exploited", vulnerabilities=tuple(mended))


def _exposed(component: str, hits: tuple[str, ...], answers: Sequence[ExposureAnswered], exposure: str) -> Critical:
    newest = {one.vulnerability.upper(): one for one in answers if one.component == component}
    exposed = [item for item in hits if item in newest and newest[item].answer == "exposed"]
    open_ = [item for item in hits if item not in newest]
    if exposed:
        one = newest[exposed[0]]
        reason = f"{exposed[0]} is exploited, and usable here, says {one.by}: {one.reason}"
        return Critical(answer=YES, reason=reason, vulnerabilities=tuple(exposed), due_now=True)
    if open_ and exposure == "internet":
        reason = (
            f"{_listed(open_)} is exploited, and the platform file says that {component} is reached from the internet"
        )
        return Critical(answer=YES, reason=reason, vulnerabilities=tuple(open_), due_now=True)
    if open_ and exposure != "none":
        known = (
            f"{component} is reached from inside" if exposure == "internal" else f"who reaches {component} is not known"
        )
        return Critical(
            answer=ASK,
            reason=f"{_listed(open_)} is exploited somewhere; {known}, and nobody has answered whether it is usable "
            "here: it counts as due at once until somebody does",
            vulnerabilities=tuple(open_),
            question=f"Can {_listed(open_)} be used against {component} here? Who can reach the vulnerable part?",
            due_now=True,
        )
    if open_:
        reason = f"{_listed(open_)} is exploited somewhere, and the platform file says that nobody reaches {component}"
        return Critical(answer=NO, reason=reason, vulnerabilities=hits)
    one = newest[hits[0]]
    reason = f"{_listed(hits)} is exploited somewhere, and not usable here, says {one.by}: {one.reason}"
    return Critical(answer=NO, reason=reason, vulnerabilities=hits)


def _listed(ids: Sequence[str]) -> str:
    return ", ".join(ids[:_MOST]) + (f" and {len(ids) - _MOST} more" if len(ids) > _MOST else "")
