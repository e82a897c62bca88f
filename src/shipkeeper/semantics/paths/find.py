"""The way from one version to a later one, by a policy; or the rule that says there is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from shipkeeper.model.errors import DoesNotFit
from shipkeeper.model.paths import Hop, HopKind, OtherPath, PathFlag, PathPolicy, Release, Skipped, UpgradePath
from shipkeeper.model.version import Version, parse_version
from shipkeeper.semantics.paths.releases import Known, Minor, day, follows
from shipkeeper.semantics.skew import write_minor

SKIP_LATE = "skip-late"


def find_path(
    policy: PathPolicy,
    start: Version,
    target: Version,
    known: Known,
    *,
    component: str = "",
    skip_late: bool = False,
    cited: Sequence[str] = (),
    releases: str = "",
) -> UpgradePath:
    """The ordered hops from ``start`` to ``target``. None when they are the same version.

    ``cited`` are the policy's sources in words, ``releases`` where the list of releases is from. Raises DoesNotFit,
    with the rule that forbids it, when the policy knows no way.
    """
    late = skip_late and policy.may_skip_late
    stops = find_stops(policy, start, target, known, skip_late=late)
    first = known.get(start) or Release(start)
    hops = tuple(
        _hop(policy, before, stop, known, last=stop is stops[-1], skip_late=late)
        for before, stop in zip([first, *stops], stops, strict=False)
    )
    return UpgradePath(
        component=component,
        policy=policy.id,
        title=policy.title,
        rule=policy.rule,
        sources=tuple(cited) or policy.sources,
        from_version=first.version.text,
        to_version=(stops[-1].version if stops else target).text,
        scheme=start.scheme,
        skip_late=late,
        hops=hops,
        alternatives=_alternatives(policy, start, target, known, stops, late),
        remarks=_remarks(policy, [first, *stops], known),
        releases=releases,
    )


def find_stops(
    policy: PathPolicy, start: Version, target: Version, known: Known, *, skip_late: bool = False
) -> tuple[Release, ...]:
    """The releases reached on the way, the target last. Raises DoesNotFit as ``find_path`` does."""
    last = _endpoints(policy, start, target, known)
    if last is None:
        return ()
    between = [release for release in known.between(start, target) if release.version != target] + [last]
    minors = _minors(policy, start.minor_key, between)
    if policy.stops == "target":
        return (last,)
    if policy.stops == "every-release":
        if not skip_late:
            return tuple(between)
        return tuple(r for r in between if r is last or known.late_after(r) is None)
    return tuple(_newest(policy, start, between, minors, known, skip_late))


def _newest(
    policy: PathPolicy,
    start: Version,
    between: Sequence[Release],
    minors: Sequence[Minor],
    known: Known,
    skip_late: bool,
) -> list[Release]:
    """The newest release of each minor passed through, and the target."""
    last = between[-1]
    stops: list[Release] = []
    for minor in minors:
        if minor == last.version.minor_key or (minor == start.minor_key and not policy.own_minor_first):
            continue
        of_minor = [release for release in between if release.version.minor_key == minor]
        on_time = [release for release in of_minor if known.late_after(release) is None] if skip_late else of_minor
        if on_time or of_minor:
            stops.append((on_time or of_minor)[-1])
        elif minor != start.minor_key:
            stops.append(Release(_bare(start, minor)))
    return [*stops, last]


def _endpoints(policy: PathPolicy, start: Version, target: Version, known: Known) -> Release | None:
    """The target's release; None when there is nothing to do. Raises DoesNotFit for endpoints without a path."""
    newer = target.is_newer_than(start)
    if start == target:
        return None
    for version in (start, target):
        if version.variant:
            raise DoesNotFit(
                f"{version} is a special edition ({version.variant}), which is on no path of releases",
                code="path-variant",
                object=version.text,
                why=f"{policy.id} orders the releases of the main line; what an edition holds beside it is not known",
                hint="ask whoever made the edition for the way back to the main line, and start from there",
            )
    if newer is None:
        raise DoesNotFit(
            f"nothing says whether {target} comes after {start}",
            code="path-no-order",
            object=target.text,
            why="builds by different distributions, or named by a commit, have no order between them",
            hint="name the release that each is built from",
        )
    if not newer:
        raise DoesNotFit(
            f"from {start} to {target} is a downgrade",
            code="path-downgrade",
            object=target.text,
            why=f"{policy.id} leads forwards only: what an upgrade changed in stored data is not changed back by "
            "installing the older version",
            hint="roll forward to a later release, or restore a backup taken before the upgrade",
        )
    return _release_of(policy, start, target, known)


def _release_of(policy: PathPolicy, start: Version, target: Version, known: Known) -> Release:
    if known.partial and policy.stops == "every-release":
        raise DoesNotFit(
            f"only the newest release of each minor is known, and {policy.id} stops at every one",
            code="path-releases-partial",
            object=target.text,
            why="a release that is not in the list would be skipped without a word",
            hint="give the whole list with --checkout DIR or --releases FILE",
        )
    for version in (start, target):
        if known.get(version) is None and policy.needs_releases and not known.partial:
            raise DoesNotFit(
                f"{version} is not among the {len(known.all)} known releases",
                code="path-unknown-version",
                object=version.text,
                why=f"{policy.id} goes from release to release; where one is not known, what lies before it is neither",
                hint=_nearest(version, known),
            )
    return known.get(target) or Release(target)


def _nearest(version: Version, known: Known) -> str:
    """What to do about a version that is not known."""
    same = [release.version.text for release in known.of_minor(version.minor_key)]
    newest = known.path[-1].version.text if known.path else ""
    near = f"known of {write_minor(version.minor_key)}: {', '.join(same)}" if same else f"newest known: {newest}"
    if not known.path:
        near = "no release is known"
    return f"{near}; give a newer list with --checkout DIR or --releases FILE, or name the release it was built from"


def _minors(policy: PathPolicy, first: Minor, between: Sequence[Release]) -> tuple[Minor, ...]:
    """The minors from ``first`` to the target's. Raises DoesNotFit where one is missing that must not be skipped."""
    found = tuple(dict.fromkeys([first, *(release.version.minor_key for release in between)]))
    if not policy.next_minor_only:
        return found
    whole = [first]
    for earlier, later in pairwise(found):
        if follows(earlier, later):
            whole.append(later)
            continue
        if policy.needs_releases or earlier[0] != later[0]:
            gone = write_minor((earlier[0], earlier[1] + 1))
            raise DoesNotFit(
                f"no release of {gone} is known, between {write_minor(earlier)} and {write_minor(later)}",
                code="path-minor-missing",
                object=gone,
                why=f"{policy.id} skips no minor: {policy.rule}",
                hint="give a complete list of releases with --checkout DIR or --releases FILE",
            )
        whole.extend((earlier[0], number) for number in range(earlier[1] + 1, later[1] + 1))
    return tuple(whole)


def _hop(
    policy: PathPolicy, before: Release, stop: Release, known: Known, *, last: bool, skip_late: bool
) -> Hop:  # fmt: skip
    start, version = before.version, stop.version
    passed = [release for release in known.between(start, version) if release.version < version]
    late = known.late_after(stop)
    others: tuple[str, ...] = ()
    if policy.any_patch and not last:
        others = tuple(r.version.text for r in known.of_minor(version.minor_key) if r.version != version)
    may_skip = ""
    if late is not None and policy.may_skip_late and policy.stops == "every-release" and not last:
        may_skip = f"it came out {day(stop)}, after {late.version} ({day(late)}): option {SKIP_LATE} leaves it out"
    return Hop(
        from_version=start.text,
        to_version=version.text,
        kind=kind_of(start, version),
        why=_why(policy, start, version, last),
        released=day(stop),
        tag=stop.tag,
        skipped=tuple(_skipped(policy, start, release, version, known, skip_late) for release in passed),
        alternatives=others,
        may_skip=may_skip,
        flags=_flags(policy, known.get(start) or before, stop, known),
    )


def kind_of(start: Version, target: Version) -> HopKind:
    """What changes most: major, minor, patch, or only the build of the same release."""
    if start.major != target.major:
        return "major"
    if start.minor_key != target.minor_key:
        return "minor"
    return "patch" if start.patch != target.patch else "build"


def _why(policy: PathPolicy, start: Version, version: Version, last: bool) -> str:
    minor = write_minor(version.minor_key)
    if last:
        return "the version asked for"
    if policy.stops == "every-release":
        same = version.minor_key == start.minor_key
        return f"next release of {minor}: none is skipped" if same else f"first release of {minor}: none is skipped"
    if version.minor_key == start.minor_key:
        return f"newest release of {minor}, before the minor is left"
    return f"newest release of {minor}: minors are taken one at a time"


def _skipped(
    policy: PathPolicy, start: Version, release: Release, reached: Version, known: Known, skip_late: bool
) -> Skipped:
    minor = release.version.minor_key
    late = known.late_after(release)
    if policy.stops == "target":
        why = "the rule goes straight to the target"
    elif skip_late and late is not None:
        why = f"late: it came out after {late.version} ({day(late)}), and {SKIP_LATE} is on"
    elif minor == reached.minor_key:
        why = f"{reached} of the same minor is reached directly"
    elif minor == start.minor_key:
        why = f"patches of {write_minor(minor)}, the minor that is left, may be skipped"
    else:
        why = f"the rule does not stop at {write_minor(minor)}"
    return Skipped(version=release.version.text, released=day(release), why=why)


def _flags(policy: PathPolicy, before: Release, stop: Release, known: Known) -> tuple[PathFlag, ...]:
    start, version = before.version, stop.version
    found: list[PathFlag] = []
    if before.released_ms is not None and stop.released_ms is not None and before.released_ms > stop.released_ms:
        found.append(
            PathFlag(
                code="goes-back-in-time",
                text=f"{start} came out {day(before)}, later than {version} ({day(stop)}): leaving it can move a "
                "component backwards. Compare the versions of its components before this hop",
            )
        )
    late = known.late_after(stop) if policy.may_skip_late else None
    if late is not None:
        found.append(
            PathFlag(
                code="late-patch",
                text=f"{version} came out {day(stop)}, after {late.version} ({day(late)}) of the next minor",
            )
        )
    if known.get(version) is None:
        bare = bool(re.fullmatch(r"v?\d+\.\d+", version.text))
        what = f"no release of {write_minor(version.minor_key)} is known here: take its newest patch"
        found.append(
            PathFlag(code="release-unknown", text=what if bare else f"{version} is not in the list of releases")
        )
    if version.is_prerelease:
        found.append(PathFlag(code="pre-release", text=f"{version} is no release: its project does not support it"))
    if start.distribution and start.distribution != version.distribution:
        found.append(
            PathFlag(
                code="distribution",
                text=f"{start} is built by {start.distribution}: take that distribution's build of {version}",
            )
        )
    return tuple(found)


def _alternatives(
    policy: PathPolicy, start: Version, target: Version, known: Known, stops: Sequence[Release], skip_late: bool
) -> tuple[OtherPath, ...]:
    chosen = [stop.version for stop in stops]
    found: list[OtherPath] = []
    if policy.may_skip_late:
        other = find_stops(policy, start, target, known, skip_late=not skip_late)
        if [stop.version for stop in other] != chosen:
            by = f"without {SKIP_LATE}" if skip_late else SKIP_LATE
            why = "late patches may be left out; each is a hop less, and none moves a component backwards"
            why = "late patches are taken too, as the worked example of the rule does" if skip_late else why
            found.append(OtherPath(by=by, stops=_texts(other), why=why))
    fewer = _tolerated(policy, start, stops)
    if len(fewer) < len(stops):
        found.append(OtherPath(by="what the software itself accepts", stops=_texts(fewer), why=policy.tolerance))
    return tuple(found)


def _tolerated(policy: PathPolicy, start: Version, stops: Sequence[Release]) -> list[Release]:
    """The stops left when a hop may be as long as the software itself accepts."""
    if policy.tolerates_minors < 2:
        return list(stops)
    kept: list[Release] = []
    at = start
    for stop, following in zip(stops, [*stops[1:], None], strict=True):
        reach = following.version if following is not None else None
        if (
            reach is not None
            and stop.version.minor_key != at.minor_key
            and reach.major == at.major
            and reach.minor - at.minor <= policy.tolerates_minors
        ):
            continue
        kept.append(stop)
        at = stop.version
    return kept


def _remarks(policy: PathPolicy, stops: Sequence[Release], known: Known) -> tuple[str, ...]:
    late = any(known.late_after(known.get(stop.version) or stop) is not None for stop in stops)
    wanted = policy.remark_when == "always" or (policy.remark_when == "late" and late)
    return (policy.remark,) if wanted else ()


def _bare(like: Version, minor: Minor) -> Version:
    return parse_version(f"{'v' if like.text.startswith('v') else ''}{write_minor(minor)}", like.scheme)


def _texts(stops: Sequence[Release]) -> tuple[str, ...]:
    return tuple(stop.version.text for stop in stops)
