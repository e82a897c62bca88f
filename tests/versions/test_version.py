"""Versions sort the way their projects release them, by laws that hold for all and by cases that are known."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.errors import BadInput
from shipkeeper.model.version import SCHEMES, Version, guess_version, parse_version

numbers = st.integers(0, 30)
three = st.tuples(numbers, numbers, numbers).map(lambda it: ".".join(map(str, it)))
identifiers = st.one_of(st.integers(0, 20).map(str), st.from_regex(r"[0-9]*[A-Za-z-][0-9A-Za-z-]{0,3}", fullmatch=True))
semver_pre = st.lists(identifiers, min_size=1, max_size=3).map(".".join)
builds = st.from_regex(r"[0-9A-Za-z-]{1,4}(\.[0-9A-Za-z-]{1,4})?", fullmatch=True)
rc = st.builds(
    "{}{}{}".format, st.sampled_from(("alpha", "beta", "rc")), st.sampled_from(("", ".")), st.integers(0, 12)
)
optional_v = st.sampled_from(("", "v"))


def joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda *them: "".join(them), *parts)


def maybe(before: str, part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), part.map(lambda text: before + text))


k8s_builds = st.one_of(
    st.just(""),
    st.integers(1, 12).map("+rke2r{}".format),
    st.integers(1, 3).map("+k3s{}".format),
    st.integers(1, 999).map("-gke.{}".format),
    st.from_regex(r"-eks-[0-9a-f]{7}", fullmatch=True),
)
WRITTEN: dict[str, st.SearchStrategy[str]] = {
    "semver": joined(optional_v, three, maybe("-", semver_pre), maybe("+", builds)),
    "helm": joined(optional_v, three | numbers.map("1.{}".format), maybe("-", semver_pre), maybe("+", builds)),
    "kubernetes": joined(optional_v, three, maybe("-", rc), k8s_builds),
    "kubespray": joined(optional_v, three, maybe("-", rc)),
    "ck8s": joined(
        optional_v, three, maybe("-ck8s", numbers.map(str)), maybe("-", st.sampled_from(("upcloud", "hack")))
    ),
    "keycloak": st.one_of(three, st.builds("{}.{}".format, numbers, numbers), three.map("{}.Beta1".format)),
    "calver": st.builds("{}.{}.{}".format, st.integers(2019, 2027), st.integers(1, 12), numbers),
    "loose": joined(
        optional_v, st.lists(numbers, min_size=1, max_size=5).map(lambda it: ".".join(map(str, it))),
        maybe("-", st.sampled_from(("rc1", "2", "10", "4ubuntu5", "beta"))),
    ),
}  # fmt: skip


def test_every_scheme_is_generated() -> None:
    assert set(WRITTEN) == set(SCHEMES), "a scheme without generated versions has laws nobody checked"


@st.composite
def some_of_one_scheme(draw: st.DrawFn, count: int) -> list[Version]:
    scheme = draw(st.sampled_from(SCHEMES))
    return [parse_version(draw(WRITTEN[scheme]), scheme) for _ in range(count)]


@given(some_of_one_scheme(3))
def test_order_is_total_antisymmetric_and_transitive(three_of_them: list[Version]) -> None:
    for a, b, c in permutations(three_of_them):
        assert (a < b) + (a == b) + (a > b) == 1, f"{a} and {b}: exactly one of <, ==, > must hold"
        assert (a <= b) == (a < b or a == b)
        assert (a >= b) == (b <= a)
        assert (a != b) == (not a == b), "!= is the opposite of =="  # noqa: SIM201
        if a <= b and b <= a:
            assert a == b
            assert hash(a) == hash(b), "equal versions must be the same key of a dict"
        if a <= b and b <= c:
            assert a <= c, f"{a} ≤ {b} ≤ {c} but not {a} ≤ {c}"


@given(some_of_one_scheme(2))
def test_newer_in_meaning_never_contradicts_the_order(both: list[Version]) -> None:
    a, b = both
    if (newer := a.is_newer_than(b)) is not None:
        assert newer == (a > b)
    assert (a.is_newer_than(b) is None) == (b.is_newer_than(a) is None)


@given(st.sampled_from(SCHEMES).flatmap(lambda scheme: st.tuples(st.just(scheme), WRITTEN[scheme])))
def test_what_was_written_is_kept(case: tuple[str, str]) -> None:
    scheme, text = case
    version = parse_version(text, scheme)
    assert str(version) == version.text == text
    again = parse_version(str(version), scheme)
    assert again == version
    assert again.numbers == version.numbers


@given(WRITTEN["semver"], WRITTEN["semver"])
def test_semver_and_helm_agree_with_the_published_precedence(left: str, right: str) -> None:
    expected = _precedence(left, right)
    for scheme in ("semver", "helm"):
        a, b = parse_version(left, scheme), parse_version(right, scheme)
        assert (a > b) - (a < b) == expected, f"{left} and {right} as {scheme}"


def _precedence(left: str, right: str) -> int:
    """Semantic Versioning 2.0.0 section 11, clause by clause, written without looking at the product's code."""
    left, right = (text.removeprefix("v").split("+")[0] for text in (left, right))
    (a, _, a_pre), (b, _, b_pre) = left.partition("-"), right.partition("-")
    for x, y in zip(a.split("."), b.split("."), strict=True):
        if int(x) != int(y):
            return 1 if int(x) > int(y) else -1
    if not a_pre or not b_pre:
        return bool(b_pre) - bool(a_pre)
    xs, ys = a_pre.split("."), b_pre.split(".")
    for x, y in zip(xs, ys, strict=False):
        if x == y:
            continue
        if x.isdigit() and y.isdigit():
            return 1 if int(x) > int(y) else -1
        if x.isdigit() != y.isdigit():
            return -1 if x.isdigit() else 1
        return 1 if x > y else -1
    return (len(xs) > len(ys)) - (len(xs) < len(ys))


@given(three, st.sampled_from(("+rke2r1", "+k3s2", "-gke.1234000", "-eks-036c24b", "-eks-1-31-4", "+749fe1d")))
def test_a_distribution_build_comes_after_its_base_and_before_the_next_patch(base: str, suffix: str) -> None:
    version = parse_version(f"v{base}{suffix}", "kubernetes")
    major, minor, patch = map(int, base.split("."))
    assert (
        parse_version(base, "kubernetes")
        < version
        < parse_version(f"{major}.{minor}.{patch + 1}-alpha.0", "kubernetes")
    )
    assert not version.is_prerelease, f"{version} is a release, built by a distribution"


CHAINS = {
    "semver": ("1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
               "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0"),
    "kubernetes": ("v1.33.0-alpha.1", "v1.33.0-alpha.1.7+abcdef1", "v1.33.0-beta.0", "v1.33.0-rc.1", "v1.33.0-rc.10",
                   "v1.33.0", "v1.33.4", "v1.33.4+rke2r1-rc1", "v1.33.4+rke2r1", "v1.33.4+rke2r2", "v1.33.4+rke2r10",
                   "1.33.10", "v1.34"),
    "ck8s": ("v2.16.0", "v2.16.0-ck8s1", "v2.17.0-ck8s1", "v2.17.1-ck8s1", "v2.20.0-ck8s2", "v2.20.0-ck8s10",
             "v2.21.0"),
    "kubespray": ("v2.2.0", "v2.10.0", "v2.12.9", "v2.12.10", "2.13.0-rc1", "2.13.0"),
    "keycloak": ("26.0.0.Beta1", "26.0.0", "26.0.5", "26.0.5-1", "26.1", "26.1.1", "26.10.0"),
    "helm": ("3", "3.0.1", "3.1.0-rc.1", "3.1", "v3.2.0"),
    "calver": ("2023.12.4", "20240131", "2024-02-01", "2024.2.2", "2024.10.1rc1", "2024.10.1"),
    "loose": ("1.1.1", "1.1.1w", "1.1.1x", "7.8.4-1", "7.8.4-2", "7.8.5-4ubuntu2", "7.8.5-4ubuntu10", "7.8.5-5ubuntu1",
              "7.8.6-rc1", "7.8.6", "7.8.6.1", "7.10"),
}  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES)
def test_known_chains(scheme: str) -> None:
    versions = [parse_version(text, scheme) for text in CHAINS[scheme]]
    for earlier, later in pairwise(versions):
        assert earlier < later, f"{scheme}: {earlier} comes before {later}"
        assert later.is_newer_than(earlier) is True


@pytest.mark.parametrize(
    ("scheme", "left", "right"),
    [
        ("keycloak", "26.1", "26.1.0"),
        ("kubernetes", "v1.34", "1.34.0"),
        ("semver", "1.0.0+a", "1.0.0+b"),
        ("helm", "1.2", "v1.2.0"),
    ],
)
def test_written_differently_and_still_the_same(scheme: str, left: str, right: str) -> None:
    a, b = parse_version(left, scheme), parse_version(right, scheme)
    assert a == b
    assert not a != b  # noqa: SIM202
    assert len({a, b}) == 1
    assert a.is_newer_than(b) is False


@pytest.mark.parametrize(
    ("scheme", "left", "right", "why"),
    [
        ("ck8s", "v2.18.1-ck8s1-upcloud", "v2.18.1-ck8s1", "an edition for one provider is not a later release"),
        ("ck8s", "v0.21.1-upcloud", "v0.21.0", "not even when its number is higher"),
        ("kubernetes", "v1.33.4-eks-036c24b", "v1.33.4-eks-ae96621", "commit hashes have no order"),
        ("kubernetes", "v1.33.4-eks-ae96621", "v1.33.4-eks-ae12345", "also when the hash ends in digits"),
        ("loose", "7.8.4-2", "7.8.4-1ubuntu1", "a distribution's packages are numbered apart from the project's"),
        ("kubernetes", "v1.33.4+rke2r1", "v1.33.4-gke.5", "two distributions number on their own"),
    ],
)
def test_newer_is_unknown_where_the_writing_cannot_tell(scheme: str, left: str, right: str, why: str) -> None:
    a, b = parse_version(left, scheme), parse_version(right, scheme)
    assert a.is_newer_than(b) is None, why
    assert b.is_newer_than(a) is None, why
    assert a != b


def test_hash_builds_of_different_releases_still_compare() -> None:
    a, b = (parse_version(text, "kubernetes") for text in ("v1.33.5-eks-036c24b", "v1.33.4-eks-ae96621"))
    assert a.is_newer_than(b) is True


def test_across_schemes_there_is_no_answer() -> None:
    a, b = parse_version("2.16.0", "semver"), parse_version("2.16.0", "ck8s")
    assert a != b
    for compare in (lambda: a < b, lambda: a >= b, lambda: a.is_newer_than(b), lambda: sorted((a, b))):
        with pytest.raises(BadInput, match="no order between them") as caught:
            compare()
        assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("", "semver"), ("1.2", "semver"), ("01.2.3", "semver"), ("1.2.3-", "semver"), ("1.2.3-01", "semver"),
        ("latest", "kubernetes"), ("1", "kubernetes"), ("v1.33.x", "kubernetes"), ("1.3.0_k1.1.3", "kubespray"),
        ("test-tag-1", "kubespray"), ("v1.0", "kubespray"), ("list", "ck8s"), ("v2.16.0-ck8s", "kubespray"),
        ("2025.13.1", "calver"), ("20250232x", "calver"), ("20251301", "calver"), ("26", "keycloak"),
        ("١.٢.٣", "semver"), ("1" * 200, "loose"), ("stable", "loose"), ("1.2.3\n4", "loose"), ("1.2.3 4", "loose"),
    ],
)  # fmt: skip
def test_what_is_no_version_is_said_with_the_schemes_that_exist(text: str, scheme: str) -> None:
    with pytest.raises(BadInput, match="is not a version of scheme") as caught:
        parse_version(text, scheme)
    assert all(name in caught.value.hint for name in SCHEMES)
    assert len(str(caught.value)) < 300


def test_unknown_scheme_is_named() -> None:
    with pytest.raises(BadInput, match="no version scheme called 'pep440'") as caught:
        parse_version("1.0", "pep440")
    assert "kubernetes" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("v2.16.0-ck8s1", "ck8s"), ("v1.33.4+rke2r1", "kubernetes"), ("v1.33.4-gke.1234000", "kubernetes"),
        ("v1.33.4-eks-036c24b", "kubernetes"), ("v1.33.4", "semver"), ("1.13.0-rc.1", "semver"),
        ("2025.10.1", "calver"), ("26.1", "loose"), ("7.8.4-1", "semver"), ("1.2.3.4", "loose"),
        ("latest", None), ("", None), ("sha256:abcdef", None), ("main", None),
    ],
)  # fmt: skip
def test_guess(text: str, scheme: str | None) -> None:
    version = guess_version(text)
    assert (version and version.scheme) == scheme


@given(st.one_of(st.text(max_size=20), st.text("v0123456789.-+_rckse", max_size=20)))
def test_any_text_is_a_version_or_a_clear_error(text: str) -> None:
    guessed = guess_version(text)
    assert guessed is None or parse_version(text, guessed.scheme) == guessed
    for scheme in SCHEMES:
        with suppress(BadInput):  # nothing else may come out of it
            assert parse_version(text, scheme).scheme == scheme


def test_numbers_and_minor() -> None:
    version = parse_version("v2.29.1-ck8s2", "ck8s")
    assert (version.major, version.minor, version.patch, version.minor_key) == (2, 29, 1, (2, 29))
    assert parse_version("v0.21.1-upcloud", "ck8s").variant == "upcloud"
    assert parse_version("v1.33.4+rke2r1", "kubernetes").distribution == "rke2r"
    assert parse_version("v1.33.4+rke2r1-rc1", "kubernetes").is_prerelease
