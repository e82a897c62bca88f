"""The class of a change, from everything that was found; every step of it is a reason.

A class is relative to the platform's declared scope: what breaks only where developers cannot reach is minor, however
much work it is for the platform team. What is not known counts as the more careful class, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.model.change_class import ChangeClass, Critical, Evidence, Gap, Reason
from shipkeeper.model.errors import BadInput
from shipkeeper.model.version import Version, parse_version

PATCH, MINOR, MAJOR = "security-patch", "minor", "major"
_RANK = {PATCH: 0, MINOR: 1, MAJOR: 2}
_MOST = 3
KUBERNETES = "kubernetes"


class Change(Struct, frozen=True, kw_only=True):
    """What is judged. ``open_gaps`` are gaps in what was looked at that count as if something broke there."""

    component: str
    from_version: str
    to_version: str
    distance: str
    """same | patch | minor | major | back | unknown."""
    product: str = ""
    """Its id in the knowledge; ``kubernetes`` has a notice of its own."""
    evidence: tuple[Evidence, ...] = ()
    gaps: tuple[Gap, ...] = ()
    open_gaps: tuple[Gap, ...] = ()
    looked_at: frozenset[str] = frozenset()
    """Inputs that were given and read: crds, values, chart, manifests, changelog…"""
    critical: Critical = Critical(answer="no", reason="it mends no vulnerability that is known here")


def distance_of(before: str, after: str, scheme: str) -> tuple[str, str]:
    """(distance, why it is not known): how far apart two versions are, by the promise of their numbers.

    Below 1.0 a minor may break what it likes, and counts as major (Semantic Versioning 2.0.0, item 4).
    """
    try:
        old, new = parse_version(before, scheme), parse_version(after, scheme)
    except BadInput as error:
        return "unknown", error.message
    newer = new.is_newer_than(old)
    if newer is None and old.numbers == new.numbers:
        return "unknown", f"{before} and {after} are two builds of one release, and nothing says which is later"
    if old == new:
        return "same", ""
    if newer is False:
        return "back", ""
    return _forward(old, new), ""


def _forward(old: Version, new: Version) -> str:
    if old.scheme == "calver":
        return "minor" if old.numbers[:2] != new.numbers[:2] else "patch"
    if old.major != new.major:
        return "major"
    if old.minor != new.minor:
        return "major" if old.major == 0 and old.scheme in ("semver", "helm", "loose") else "minor"
    return "patch"


def classify(change: Change) -> ChangeClass:
    """Give a change its class, its notice and the reasons for both."""
    reasons = [*_by_version(change), *_by_evidence(change)]
    kind = _highest(reasons)
    gaps = list(change.gaps)
    if change.open_gaps:
        careful = "counts as if developers may notice it" if kind != MAJOR else "it is major already"
        gaps = [*(replace(gap, effect=gap.effect or careful) for gap in change.open_gaps), *gaps]
    unknown = kind != MAJOR and (bool(change.open_gaps) or change.distance == "unknown")
    treated = MAJOR if unknown else kind
    reasons = [replace(reason, decides=not unknown and reason.speaks_for == kind) for reason in reasons]
    if unknown:
        text = "what it does to developers is not known, so the rules for major changes hold"
        words = tuple(gap.text for gap in change.open_gaps[:_MOST])
        reasons.insert(0, Reason(source="scope", text=text, speaks_for=MAJOR, evidence=words, decides=True))
    return ChangeClass(
        component=change.component,
        from_version=change.from_version,
        to_version=change.to_version,
        kind="unknown" if unknown else kind,
        treated_as=treated,
        critical=change.critical,
        notice=_notice(change, treated),
        reasons=tuple(sorted(reasons, key=lambda reason: (not reason.decides, -_RANK[reason.speaks_for]))),
        evidence=tuple(sorted(change.evidence, key=_order)),
        unknown=tuple(gaps),
    )


def _highest(reasons: Iterable[Reason]) -> str:
    return max((reason.speaks_for for reason in reasons), key=lambda kind: _RANK[kind], default=MINOR)


def _notice(change: Change, treated: str) -> str:
    if change.critical.due_now:
        return "emergency"
    if change.product == KUBERNETES and change.distance in ("minor", "major"):
        return "kubernetes-minor"
    return "major" if treated == MAJOR else "minor"


def _by_version(change: Change) -> list[Reason]:
    step = f"from {change.from_version} to {change.to_version}"
    distance = change.distance
    security = _security(change)
    if distance == "major":
        return [_upstream_major(change, step)]
    if distance == "back":
        text = f"{step} goes back: what was written by the newer version may not be readable"
        return [Reason(source="version", text=text, speaks_for=MAJOR)]
    if distance == "unknown":
        return [Reason(source="version", text=f"how far it is {step} is not known", speaks_for=MINOR)]
    if distance == "minor":
        found = [
            Reason(source="version", text=f"{step} is a minor version: it promises to break nothing", speaks_for=MINOR)
        ]
        if change.product == KUBERNETES:
            text = (
                "another minor of Kubernetes has a notice of its own, whatever its class: developers look at their APIs"
            )
            found.append(Reason(source="version", text=text, speaks_for=MINOR))
    else:
        word = "is the same version" if distance == "same" else "is a patch version"
        patch = bool(security) and not any(_counts(one) for one in change.evidence)
        text = f"{step} {word}" + (", and mends vulnerabilities" if patch else "")
        found = [Reason(source="version", text=text, speaks_for=PATCH if patch else MINOR)]
    if security:
        text = (
            f"it mends {len(security)} vulnerabilities or says so" if len(security) > 1 else "it mends a vulnerability"
        )
        words = tuple(dict.fromkeys(one.text for one in security))[:_MOST]
        source = security[0].source
        found.append(Reason(source=source, text=text, speaks_for=PATCH, evidence=words))
    return found


def _upstream_major(change: Change, step: str) -> Reason:
    """Another major version is major here too, unless everything that it breaks was looked at and stays inside."""
    seen = {"crds", "changelog"} <= change.looked_at and bool({"manifests", "chart"} & change.looked_at)
    inside = not any(_counts(one) and one.reach != "platform" and one.used != "no" for one in change.evidence)
    if seen and inside and not change.open_gaps:
        text = f"{step} is another major version, and of what it changes nothing reaches developers"
        return Reason(source="scope", text=text, speaks_for=MINOR)
    lacking = ", ".join(sorted({"crds", "changelog", "manifests"} - change.looked_at))
    more = f" (to say that none of it reaches developers, {lacking} would have to be looked at)" if not seen else ""
    return Reason(source="version", text=f"{step} is another major version{more}", speaks_for=MAJOR)


def _by_evidence(change: Change) -> list[Reason]:
    """One reason for each input and what its evidence speaks for."""
    found: list[Reason] = []
    groups: dict[tuple[str, str, str], list[Evidence]] = {}
    for one in change.evidence:
        if _counts(one):
            group = "none" if one.used == "no" else one.reach
            groups.setdefault((one.source, group, one.weight), []).append(one)
    for (source, group, weight), items in sorted(
        groups.items(), key=lambda one: (_REACHED.index(one[0][1]), one[0][2])
    ):
        what = _WHAT.get(source, source)
        count = len(items)
        verb = {"breaking": "break something", "risky": "may change how something behaves"}[weight]
        if group == "none":
            verb = verb.replace("break ", "would break ")
        elif count == 1:
            verb = verb.replace("break ", "breaks ")
        told = f"{count} {what[1] if count > 1 else what[0]} {verb}"
        end, kind = {
            "developers": ("and developers may notice", MAJOR),
            "unknown": ("and whether developers notice is not known, which counts as if they do", MAJOR),
            "platform": ("and only where developers cannot reach", MINOR),
            "none": ("and nothing that exists is affected", MINOR),
        }[group]
        words = tuple(_told(one) for one in items[:_MOST])
        words += (f"and {count - _MOST} more",) if count > _MOST else ()
        found.append(Reason(source=source, text=f"{told}, {end}", speaks_for=kind, evidence=words))
    return found


_REACHED = ("developers", "unknown", "platform", "none")
_WHAT = {
    "crds": ("change of a definition", "changes of definitions"),
    "values": ("value of the chart", "values of the chart"),
    "chart": ("thing that the chart says", "things that the chart says"),
    "manifests": ("difference between the manifests", "differences between the manifests"),
    "changelog": ("item of the change log", "items of the change log"),
    "removed-apis": ("use of an API that goes", "uses of APIs that go"),
}


def _counts(one: Evidence) -> bool:
    return one.weight in ("breaking", "risky")


def _security(change: Change) -> list[Evidence]:
    return [one for one in change.evidence if one.weight == "security"]


def _told(one: Evidence) -> str:
    place = f" {one.path}" if one.path and one.path != "$" else ""
    return f"{one.object}{place}: {one.text}"


def _order(one: Evidence) -> tuple[int, int, int, str, str, str]:
    weights = {"breaking": 0, "risky": 1, "security": 2, "note": 3}
    reaches = {"developers": 0, "unknown": 1, "platform": 2}
    used = {"yes": 0, "unknown": 1, "no": 2}
    return (used.get(one.used, 1) == 2, weights[one.weight], reaches[one.reach], one.source, one.object, one.path)
