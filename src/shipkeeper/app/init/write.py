"""The platform file's text: what was found, what was said, and what is assumed, each marked as such."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import yaml

from shipkeeper.app.init.draft import Draft, Part
from shipkeeper.app.init.questions import QUESTIONS
from shipkeeper.model.record import API_VERSION
from shipkeeper.planning.recurring_words import parse_recurring

ASSUMED, OPEN = "assumed", "not known"
_USUAL_WINDOW = "first Tuesday 22:00 7h"
_OUTSIDE = (
    ("application code and its delivery code", "application owners"),
    ("continuous integration", ""),
    ("machines, network and object storage", "infrastructure provider"),
    ("corporate identity provider", ""),
)
"""What platforms usually leave to others; whoever has it otherwise moves it inside."""


class Written(NamedTuple):
    """The file's text, with what it assumes and what it leaves open, in sentences."""

    text: str
    assumed: tuple[str, ...]
    open: tuple[str, ...]


def written(draft: Draft) -> Written:
    """Write the file. Everything that nobody said carries a comment."""
    text = "\n".join(_lines(draft)) + "\n"
    assumed, part = [], ""
    for line in text.splitlines():
        setting, _, remark = line.partition("  # ")
        setting = setting.strip().removeprefix("- ")
        part = setting if setting.startswith("component:") else part
        if remark.startswith(ASSUMED):
            what = f"{part}, {setting}" if setting.startswith("inside:") else setting
            assumed.append(f"{what}  ({remark.removeprefix(ASSUMED).lstrip(': ')})")
    left = [
        f"{question.text} Until somebody says it, {question.without} ({question.flag})"
        for question in QUESTIONS
        if not getattr(draft.answers, question.field)
    ]
    return Written(text, tuple(assumed), tuple(left))


def _lines(draft: Draft) -> Iterator[str]:
    yield "# What the API of the cluster cannot tell. Read it through: `assumed` and `not known` mark what nobody said."
    yield "# yaml-language-server: $schema=./platform.schema.json   (shipkeeper config schema > platform.schema.json)"
    for gap in draft.partial:
        yield f"# {OPEN}: {gap}; something may be missing below"
    yield f"apiVersion: {API_VERSION}"
    yield "kind: Platform"
    yield f"name: {_text(draft.name)}"
    yield f"zone: {draft.answers.zone}" if draft.answers.zone else f"zone: UTC  # {ASSUMED}: nobody said"
    yield "# country: SE   # its national holidays are no working days"
    yield ""
    yield from _environment(draft)
    yield ""
    yield from _scope(draft)
    yield ""
    yield from _people(draft)
    yield ""
    yield from _notices(draft)
    yield ""
    yield from _components(draft)


def _environment(draft: Draft) -> Iterator[str]:
    yield "environments:"
    yield f"  - name: {_text(draft.environment)}"
    remark = f"  # {ASSUMED}: {draft.production_why}" if draft.production_why else ""
    yield f"    production: {str(draft.production).lower()}{remark}"
    if draft.production:
        yield f'    # follows: staging   # {OPEN}: what gets every change first; "" when there is none'
    yield "    clusters:"
    yield f"      - name: {_text(draft.name)}"
    if draft.context:
        yield f"        context: {_text(draft.context)}"
    if draft.uid:
        yield f"        uid: {_text(draft.uid)}"
    if draft.drainers:
        yield f"        # reboots nodes here already: {', '.join(draft.drainers)}"
    yield "    windows:"
    rule = parse_recurring(draft.answers.window or _USUAL_WINDOW)
    remark = "" if draft.answers.window else f"  # {ASSUMED}: a fixed monthly window is usual"
    yield "      - name: monthly"
    yield f"        rrule: {rule.rrule}{remark}"
    yield f'        start: "{rule.start}"'
    yield f"        duration: {rule.duration}"
    yield f"        zone: {draft.answers.zone or 'UTC'}"
    yield f"        # agreedBy: []   # {OPEN}: with whom it was agreed; shipkeeper windows agree records it"
    yield "    # objectives: {rpo: 24h, retention: 7d, rto: 4h}   # typical; yours come from a risk assessment"


def _scope(draft: Draft) -> Iterator[str]:
    yield "scope:"
    for part in draft.parts:
        yield from _part(part)
    taken = {part.component for part in draft.parts}
    for component, owner in _OUTSIDE:
        if component in taken:
            continue
        yield f"  - component: {component}"
        yield f"    inside: false  # {ASSUMED}: usual for platforms"
        yield f"    owner: {owner}" if owner else f"    # owner:   # {OPEN}"


def _part(part: Part) -> Iterator[str]:
    yield (
        f"  - component: {_text(part.component)}  # {part.why}"
        if not part.assumed
        else (f"  - component: {_text(part.component)}  # {ASSUMED}: {part.why}")
    )
    if not part.inside:
        yield "    inside: false"
    yield f"    owner: {_text(part.owner)}"
    yield f"    namespaces: [{', '.join(map(_text, part.namespaces))}]"


def _people(draft: Draft) -> Iterator[str]:
    answers = draft.answers
    yield "people:"
    rows: Sequence[tuple[str, str, str, str]] = (
        ("on-call", "[on-call]", answers.on_call, "platform lead"),
        ("platform lead", "[lead]", answers.lead, ""),
        ("application owners", "[users, developers]", answers.users, ""),
        ("infrastructure provider", "[provider]", answers.provider, ""),
    )
    for name, roles, contact, turns_to in rows:
        yield f"  - name: {name}"
        yield f"    roles: {roles}"
        yield f"    contact: {_text(contact)}" if contact else f"    # contact:   # {OPEN}"
        if turns_to:
            yield f"    escalateTo: {turns_to}"


def _notices(draft: Draft) -> Iterator[str]:
    yield "notices:"
    yield f"  users: 5 days  # {ASSUMED}: the default"
    yield f"  major: 2 months  # {ASSUMED}: the default; never under one month"
    if draft.answers.kubernetes_minor:
        yield f"  kubernetesMinor: {draft.answers.kubernetes_minor}"
    else:
        yield f"  # kubernetesMinor: 4 weeks   # {OPEN}: the number is yours; without it such a window is blocked"
    yield f"  # channels: {{users: [users-mail], developers: [developers-mail]}}   # {OPEN}: how they are told;"
    yield "  #   [] says that there is nobody. Without it a window stays shut. Channels are declared under channels:"


def _components(draft: Draft) -> Iterator[str]:
    yield "# What was recognised. A line here is only needed for what differs: target, pathPolicy, exposure, impact."
    listed = [one for one in draft.running if one.product != "kubernetes" and one.level != "node OS"]
    yield "components:" if listed else "components: []"
    for one in listed:
        seen = (
            f"{', '.join(one.versions) or 'version not told'} in {', '.join(one.namespaces)}"
            if one.namespaces
            else (", ".join(one.versions) or "version not told")
        )
        yield f"  - {{name: {_text(one.product)}}}  # {seen}"


def _text(value: str) -> str:
    """A value as YAML writes it in one line: quoted only where it has to be."""
    dumped: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    return dumped.removesuffix("\n").removesuffix("\n...").strip()
