"""What a proposed path breaks of a policy: a person may plan another way than the one found, and asks if it may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from shipkeeper.model.paths import Broken, PathPolicy
from shipkeeper.model.version import Version
from shipkeeper.semantics.paths.releases import Known, day, follows
from shipkeeper.semantics.skew import write_minor


def judge_path(
    policy: PathPolicy, start: Version, stops: Sequence[Version], known: Known, *, skip_late: bool = False
) -> tuple[Broken, ...]:
    """Every rule that the way ``start`` → ``stops`` breaks, hop by hop. Empty: the policy allows it."""
    broken: list[Broken] = []
    late_allowed = policy.may_skip_late and skip_late
    for before, after in pairwise([start, *stops]):
        broken.extend(_endpoints(policy, before, after, known))
        if after.is_newer_than(before):
            broken.extend(_minors(policy, before, after))
            broken.extend(_passed(policy, before, after, known, late_allowed))
            broken.extend(_left_behind(policy, before, after, known, is_start=before is start, late=late_allowed))
    return tuple(broken)


def _endpoints(policy: PathPolicy, before: Version, after: Version, known: Known) -> Iterable[Broken]:
    if policy.needs_releases and not known.partial and known.get(after) is None:
        yield Broken(rule="unknown-version", version=after.text, text=f"{after} is not among the known releases")
    if after.variant:
        yield Broken(rule="variant", version=after.text, text=f"{after} is a special edition, on no path")
    if after.is_prerelease:
        yield Broken(rule="prerelease", version=after.text, text=f"{after} is no release")
    newer = after.is_newer_than(before)
    if newer is None:
        yield Broken(rule="no-order", version=after.text, text=f"nothing says whether {after} comes after {before}")
    elif not newer:
        what = "is no step" if after == before else "is a downgrade"
        yield Broken(rule="downgrade", version=after.text, text=f"from {before} to {after} {what}")


def _minors(policy: PathPolicy, before: Version, after: Version) -> Iterable[Broken]:
    if not policy.next_minor_only or before.minor_key == after.minor_key:
        return
    if not follows(before.minor_key, after.minor_key):
        yield Broken(
            rule="minor-skipped",
            version=after.text,
            text=f"from {write_minor(before.minor_key)} to {write_minor(after.minor_key)} skips a minor",
        )


def _passed(policy: PathPolicy, before: Version, after: Version, known: Known, late_allowed: bool) -> Iterable[Broken]:
    """Releases passed over that the policy stops at."""
    for release in known.between(before, after):
        version = release.version
        if version == after or version.is_prerelease:
            continue
        late = known.late_after(release)
        if policy.stops == "every-release" and not (late_allowed and late is not None):
            said = f" (late, {day(release)}: option skip-late allows it)" if late and policy.may_skip_late else ""
            yield Broken(rule="patch-skipped", version=version.text, text=f"{version} is skipped{said}")
        elif policy.stops == "newest-of-minor" and not policy.next_minor_only:
            between = before.minor_key < version.minor_key < after.minor_key
            first = version is next(r.version for r in known.of_minor(version.minor_key))
            if between and first:
                text = f"{write_minor(version.minor_key)} is skipped"
                yield Broken(rule="minor-skipped", version=after.text, text=text)


def _left_behind(
    policy: PathPolicy, before: Version, after: Version, known: Known, *, is_start: bool, late: bool
) -> Iterable[Broken]:
    """Whether a minor is left from another release than the policy leaves it from."""
    if policy.stops != "newest-of-minor" or policy.any_patch or before.minor_key == after.minor_key:
        return
    if is_start and not policy.own_minor_first:
        return
    newer = [release for release in known.of_minor(before.minor_key) if release.version > before]
    newer = [release for release in newer if not late or known.late_after(release) is None]
    if newer:
        text = f"{write_minor(before.minor_key)} is left from {before}, and {newer[-1].version} is its newest"
        yield Broken(rule="not-newest", version=before.text, text=text)
