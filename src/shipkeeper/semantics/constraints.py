"""Version constraints as Helm reads them, in a chart's ``kubeVersion`` and its dependencies.

The grammar is that of the library that Helm uses (github.com/Masterminds/semver): ``||`` between alternatives; spaces
or commas between what must hold together; ``= != > < >= <= ~ ~> ^``; ``1.2 - 1.4``; ``x`` and ``*`` for any number.
One rule surprises people: a version with a hyphen (``v1.33.4-gke.1``) is a pre-release to it, and only constraints
that have one themselves (``>=1.25.0-0``) take it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from shipkeeper.model.errors import BadInput
from shipkeeper.model.version import Version, parse_version

_PART = r"[0-9]+|[xX*]"
_VERSION = (
    rf"v?(?:{_PART})(?:\.(?:{_PART}))?(?:\.(?:{_PART}))?"
    r"(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_OPERATOR = r"=>|=<|>=|<=|!=|~>|=|>|<|~|\^"
_ONE = re.compile(
    rf"\s*(?P<op>{_OPERATOR})?\s*v?(?P<major>{_PART})(?:\.(?P<minor>{_PART}))?(?:\.(?P<patch>{_PART}))?"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?\s*",
    re.ASCII,
)
_RANGE = re.compile(rf"\s*({_VERSION})\s+-\s+({_VERSION})\s*", re.ASCII)
_TOGETHER = re.compile(
    rf"\s*(?:{_OPERATOR})?\s*{_VERSION}\s*(?:(?:\s+|,\s*)(?:{_OPERATOR})?\s*{_VERSION}\s*)*", re.ASCII
)
_LONGEST = 1_000
_ANY = ("x", "X", "*")


class Comparison(Struct, frozen=True):
    """One comparison. ``open_from``: the first number that is left open (0 major, 1 minor, 2 patch); 3: none is."""

    operator: str
    version: Version
    open_from: int = 3

    def holds(self, version: Version, beside: tuple[Comparison, ...], *, recent: bool) -> bool:
        """Whether a version meets it, with what stands beside it, by the rules that hold since 2025 or those before.

        A pre-release counts where the comparison names one. Since 2025 one beside it is enough, and ``!=`` of a whole
        version follows the rule too.
        """
        named = any(one.version.pre for one in (beside if recent else (self,)))
        if version.pre and not named and (recent or self.operator != "!=" or self.open_from < 3):
            return False
        return _HOLDS[self.operator](version, self)


class Constraint(Struct, frozen=True):
    """Alternatives, each of comparisons that hold together."""

    text: str
    alternatives: tuple[tuple[Comparison, ...], ...]

    def allows(self, version: Version) -> bool | None:
        """Whether a version meets it; None where older and newer releases of Helm answer differently."""
        answers = {self._allows(version, recent) for recent in (True, False)}
        return answers.pop() if len(answers) == 1 else None

    def _allows(self, version: Version, recent: bool) -> bool:
        return any(all(one.holds(version, each, recent=recent) for one in each) for each in self.alternatives)


def parse_constraint(text: str) -> Constraint:
    """Read a constraint. Raises BadInput for what Helm would not read either."""
    if len(text) > _LONGEST:
        raise _unreadable(text[:80] + "…", "it is too long")
    spread = _RANGE.sub(r" >=\1,<=\2 ", text)
    alternatives = []
    for part in spread.split("||"):
        if not _TOGETHER.fullmatch(part):
            raise _unreadable(text, f"{part.strip()!r} is no comparison with a version")
        alternatives.append(tuple(_comparison(found) for found in _ONE.finditer(part)))
    return Constraint(text, tuple(alternatives))


def _comparison(found: re.Match[str]) -> Comparison:
    numbers: list[str] = []
    open_from = 3
    for place, name in enumerate(("major", "minor", "patch")):
        number = found[name]
        if number is None or number in _ANY:
            open_from = place
            break
        numbers.append(number)
    numbers += ["0"] * (3 - len(numbers))
    version = ".".join(numbers) + (f"-{found['pre']}" if found["pre"] else "")
    operator = {"=>": ">=", "=<": "<=", "~>": "~", None: "="}.get(found["op"], found["op"])
    return Comparison(operator, parse_version(version, "helm"), open_from)


def _unreadable(text: str, what: str) -> BadInput:
    return BadInput(
        f"{text!r} is not a version constraint: {what}",
        code="not-a-constraint",
        object=text,
        why="whether a cluster may take the chart cannot be told",
        hint="write it as Helm does: >=1.25.0-0 <1.34.0-0, ^1.2, ~1.4.0, 1.2 - 1.4, 1.x || >=3",
    )


def _equal(version: Version, wanted: Comparison) -> bool:
    return _tilde(version, wanted) if wanted.open_from < 3 else version == wanted.version


def _not_equal(version: Version, wanted: Comparison) -> bool:
    other = wanted.version
    if wanted.open_from == 3:
        return version != other
    if version.major != other.major:
        return True
    if wanted.open_from <= 1:
        return wanted.open_from == 0 and (version.minor, version.patch) != (0, 0)
    return version.minor != other.minor or (bool(version.pre or other.pre) and version.pre != other.pre)


def _greater(version: Version, wanted: Comparison) -> bool:
    other = wanted.version
    if wanted.open_from in (0, 3):
        return version > other
    if version.major != other.major or wanted.open_from == 1:
        return version.major > other.major
    return wanted.open_from == 2 and version.minor > other.minor


def _at_most(version: Version, wanted: Comparison) -> bool:
    other = wanted.version
    if wanted.open_from == 3:
        return version <= other
    if version.major != other.major:
        return version.major < other.major
    return wanted.open_from == 1 or version.minor <= other.minor


def _tilde(version: Version, wanted: Comparison) -> bool:
    other = wanted.version
    if version < other:
        return False
    if wanted.open_from in (0, 3) and other.numbers == (0, 0, 0):
        return True
    return version.major == other.major and (wanted.open_from == 1 or version.minor == other.minor)


def _caret(version: Version, wanted: Comparison) -> bool:
    other = wanted.version
    if version < other:
        return False
    if other.major or wanted.open_from == 1 or version.major:
        return version.major == other.major
    if other.minor or wanted.open_from == 2 or version.minor:
        return version.minor == other.minor
    return version.patch == other.patch


_HOLDS: dict[str, Callable[[Version, Comparison], bool]] = {
    "=": _equal,
    "!=": _not_equal,
    ">": _greater,
    "<": lambda version, wanted: version < wanted.version,
    ">=": lambda version, wanted: version >= wanted.version,
    "<=": _at_most,
    "~": _tilde,
    "^": _caret,
}
