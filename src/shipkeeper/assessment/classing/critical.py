"""Whether a change is critical: a working exploit exists, and it is usable against this platform.

Severity is no part of it. A scanner's CRITICAL says how bad a vulnerability is anywhere; it gives its patch a date.
Whether it can wait is decided by exploitation and exposure, and exposure is answered by a person.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from shipkeeper.model.book import EmergencyDeclared, ExposureAnswered
from shipkeeper.model.change_class import Critical

YES, NO, ASK = "yes", "no", "ask"
_MOST = 5


def judge_critical(
    component: str,
    vulnerabilities: Sequence[str],
    exploited: Collection[str] | None,
    answers: Sequence[ExposureAnswered] = (),
    exposure: str = "",
    emergencies: Sequence[EmergencyDeclared] = (),
) -> Critical:
    """Judge by what a change mends. ``exploited``: ids with a known exploit; None: no catalogue was read.

    ``answers``: the logbook's, oldest first; the newest for a vulnerability of this component counts. ``exposure``:
    who can reach the component, by the platform file (internet | internal | none).
    """
    found = _judge(component, vulnerabilities, exploited, answers, exposure)
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
    component: str,
    vulnerabilities: Sequence[str],
    exploited: Collection[str] | None,
    answers: Sequence[ExposureAnswered],
    exposure: str,
) -> Critical:
    mended = tuple(sorted({item.upper() for item in vulnerabilities}))
    if not mended:
        return Critical(answer=NO, reason="it mends no vulnerability that is known here")
    if exploited is None:
        count = f"{len(mended)} vulnerabilities" if len(mended) > 1 else mended[0]
        return Critical(
            answer=ASK,
            reason=f"it mends {count}, and whether one is exploited is not known: no catalogue was read",
            vulnerabilities=mended,
            question="Is a working exploit known for any of these? A catalogue of exploited vulnerabilities tells.",
        )
    flagged = {item.upper() for item in exploited}
    hits = tuple(item for item in mended if item in flagged)
    if not hits:
        how = "none of the vulnerabilities that it mends is" if len(mended) > 1 else f"{mended[0]} is not"
        return Critical(answer=NO, reason=f"{how} known to be exploited", vulnerabilities=mended)
    return _exposed(component, hits, answers, exposure)


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
        known = "only from inside" if exposure == "internal" else "not known from where"
        return Critical(
            answer=ASK,
            reason=f"{_listed(open_)} is exploited somewhere; {component} is reached {known}, and nobody has answered "
            "whether it is usable here: it counts as due at once until somebody does",
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
