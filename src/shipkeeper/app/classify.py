"""``classify``: everything that was given about a change, read, compared, and put into a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from msgspec import Struct

from shipkeeper.app.given_files import GivenFiles, read_objects
from shipkeeper.app.speaker import speaker
from shipkeeper.assessment.classing.changelog import ChangelogReading, read_for_class
from shipkeeper.assessment.classing.classify import KUBERNETES, Change, classify, distance_of
from shipkeeper.assessment.classing.crd import Definition, crd_of, is_crd
from shipkeeper.assessment.classing.critical import judge_critical
from shipkeeper.assessment.classing.gather import (
    Found,
    Object,
    Objects,
    crds_of,
    from_changelog,
    from_charts,
    from_crds,
    from_manifests,
    from_removed_apis,
)
from shipkeeper.assessment.classing.reach import Fence
from shipkeeper.assessment.classing.values import Keys, shape_of
from shipkeeper.assessment.components import components
from shipkeeper.assessment.removed_apis import removed_apis
from shipkeeper.integrations.charts import read_chart
from shipkeeper.knowledge.library import Knowledge
from shipkeeper.model.book import EmergencyDeclared, ExposureAnswered
from shipkeeper.model.change_class import ChangeClass, Critical, Evidence, Gap
from shipkeeper.model.chart import Chart
from shipkeeper.model.errors import BadInput, Location, UsageProblem
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.platform import Platform
from shipkeeper.model.version import Version, guess_version, parse_version

_LARGEST_TEXT = 8 << 20


class Given(Struct, frozen=True, kw_only=True):
    """What a person gave: paths as they typed them, and versions."""

    component: str
    from_version: str = ""
    to_version: str = ""
    chart_old: str = ""
    chart_new: str = ""
    crds_old: str = ""
    crds_new: str = ""
    manifests_old: str = ""
    manifests_new: str = ""
    values: str = ""
    objects: str = ""
    objects_complete: bool = False
    """What ``objects`` has is all there is: a kind of which it has none has none."""
    changelogs: tuple[str, ...] = ()
    kubernetes: str = ""
    mends: tuple[str, ...] = ()


class Around(Struct, frozen=True, kw_only=True):
    """What the change is judged against: the scope, what runs, facts, and what people said."""

    platform: Platform
    knowledge: Knowledge
    today: date
    inventory: Inventory | None = None
    answers: tuple[ExposureAnswered, ...] = ()
    emergencies: tuple[EmergencyDeclared, ...] = ()


def classify_given(given: Given, around: Around) -> ChangeClass:
    """Class a change. Raises BadInput with the place for a file that cannot be used, UsageProblem for half a pair."""
    return _Reading(given, around).classed()


def exposure_answer(
    platform: Platform, knowledge: Knowledge, component: str, vulnerability: str, answer: str, reason: str, by: str
) -> ExposureAnswered:
    """The record of who says whether a vulnerability can be used here. Raises BadInput for nobody, or a stranger."""
    who = speaker(platform, by)
    row = knowledge.products.find(component)
    return ExposureAnswered(
        vulnerability=vulnerability,
        component=row.id if row is not None else component,
        answer=answer,
        by=who.name,
        reason=reason,
        identity=who.identity,
    )


class _Reading:
    """One change while its inputs are read."""

    def __init__(self, given: Given, around: Around) -> None:
        _check_pairs(given)
        self.given = given
        self.around = around
        self.files = GivenFiles()
        self.charts = self._chart(given.chart_old), self._chart(given.chart_new)
        row = around.knowledge.products.find(given.component)
        if row is None and self.charts[1] is not None:
            row = around.knowledge.products.get(around.knowledge.identify_chart(self.charts[1].name) or "")
        self.product = row.id if row is not None else ""
        self.scheme = row.scheme if row is not None else ""
        running = components(around.inventory, around.knowledge.products, around.platform.components)
        self.running = next((one for one in running if one.product == self.product), None) if self.product else None
        self.declared = next((c for c in around.platform.components if given.component in (c.name, c.product)), None)
        own = self.running.namespaces if self.running is not None else ()
        own += self.declared.namespaces if self.declared is not None else ()
        self.fence = Fence(around.platform, around.inventory, own if self._is_inside(own) else ())
        self.cluster = given.kubernetes or (around.inventory.identity.server_version if around.inventory else "")
        self.versions = self._versions()

    def _is_inside(self, namespaces: Sequence[str]) -> bool:
        """Whether nobody outside the platform claims the component's namespaces."""
        outside = {n for scope in self.around.platform.scope if not scope.inside for n in scope.namespaces}
        return not outside & set(namespaces)

    def _chart(self, path: str) -> Chart | None:
        return read_chart(path, self.files) if path else None

    def _versions(self) -> tuple[str, str]:
        old, new = self.charts
        running = self.running.oldest if self.running is not None else ""
        before = self.given.from_version or (old.app_version or old.version if old is not None else running)
        after = self.given.to_version or (new.app_version or new.version if new is not None else "")
        if not before or not after:
            missing = "--from-version" if not before else "--to-version"
            raise UsageProblem(
                f"which version {self.given.component} {'comes from' if not before else 'goes to'} is not known",
                hint=f"add {missing} VERSION" + ("" if before else ", or --from with an inventory in which it runs"),
            )
        return before, after

    def classed(self) -> ChangeClass:
        found: dict[str, Found] = {}
        found["version"], distance = self._distance()
        logs = self._changelogs()
        covered = any(one.versions and not one.lacks for one in logs.values())
        for path, reading in logs.items():
            found[f"changelog {path}"] = from_changelog(Path(path).name, reading, told_elsewhere=covered)
        manifests = self._manifests()
        definitions = self._definitions(manifests)
        if definitions is not None:
            found["crds"] = from_crds(*definitions, self._objects(definitions[0]), self.fence)
        if self.charts[1] is not None:
            found["chart"] = from_charts(self.charts[0], self.charts[1], self._keys(), self.cluster)
        if manifests is not None:
            removals = self.around.knowledge.removals.announced()
            found["manifests"] = from_manifests(*manifests, removals, self.cluster, self.fence)
        if self.product == KUBERNETES:
            found["removed-apis"] = self._removed_apis()
        looked_at = frozenset(name.partition(" ")[0] for name in found)
        gaps = [gap for one in found.values() for gap in one.gaps]
        return classify(
            Change(
                component=self.given.component,
                from_version=self.versions[0],
                to_version=self.versions[1],
                distance=distance,
                product=self.product,
                evidence=tuple(item for one in found.values() for item in one.evidence),
                gaps=(*gaps, *self._not_given(looked_at)),
                open_gaps=tuple(gap for one in found.values() for gap in one.open_gaps),
                looked_at=looked_at,
                critical=self._critical(logs),
            )
        )

    def _distance(self) -> tuple[Found, str]:
        distance, why = distance_between(*self.versions, self.scheme)
        gap = Gap(source="version", text=why, how="give versions as the component writes them")
        mended = tuple(
            Evidence(
                source="vulnerabilities", kind="vulnerability", object=self.given.component, path=id,
                text=f"you say that it mends {id}", weight="security",
            )
            for id in self.given.mends
        )  # fmt: skip
        return Found(mended, open_gaps=(gap,) if why else ()), distance

    def _changelogs(self) -> dict[str, ChangelogReading]:
        scheme = self.scheme or _scheme_of(*self.versions)
        after, upto = (_read_version(text, scheme) for text in self.versions)
        return {path: read_for_class(_text(path), Path(path).name, after, upto) for path in self.given.changelogs}

    def _manifests(self) -> tuple[list[Object] | None, list[Object]] | None:
        if not self.given.manifests_new:
            return None
        old = (
            [item for item, _ in read_objects(self.given.manifests_old, self.files)]
            if self.given.manifests_old
            else None
        )
        return old, [item for item, _ in read_objects(self.given.manifests_new, self.files)]

    def _definitions(
        self, manifests: tuple[list[Object] | None, list[Object]] | None
    ) -> tuple[list[Definition], list[Definition]] | None:
        """Definitions of both sides: those given, else those in the manifests and the charts. None: neither has any."""
        sides: list[list[Definition]] = []
        for given, chart, rendered in zip(
            (self.given.crds_old, self.given.crds_new), self.charts, manifests or (None, None), strict=True
        ):
            if given:
                sides.append([crd_of(item, place) for item, place in read_objects(given, self.files) if is_crd(item)])
                if not sides[-1]:
                    raise BadInput("there is no CustomResourceDefinition in it", location=Location(given))
                continue
            documents = [item for item in rendered or () if is_crd(item)] or [
                item for item in (crds_of(chart) if chart is not None else ()) if is_crd(item)
            ]
            sides.append([crd_of(item) for item in documents])
        return (sides[0], sides[1]) if sides[0] else None

    def _objects(self, kinds: Sequence[Definition]) -> Objects | None:
        """Objects that exist, by group and kind. A kind of which none was given was not listed, unless all were."""
        if not self.given.objects:
            return None
        found: dict[tuple[str, str], list[Object]] = {}
        if self.given.objects_complete:
            found = {(one.group, one.kind): [] for one in kinds}
        for item, _ in read_objects(self.given.objects, self.files):
            group = str(item.get("apiVersion") or "").rpartition("/")[0]
            found.setdefault((group, str(item.get("kind") or "")), []).append(item)
        return found

    def _keys(self) -> Keys | None:
        """What the user sets: the file given, else what Helm recorded of releases of that chart."""
        new = self.charts[1]
        if self.given.values:
            return _shape(self.given.values, self.files)
        if new is None or self.around.inventory is None:
            return None
        releases = [one for one in self.around.inventory.releases if one.chart == new.name and one.whole]
        if not releases or any(one.dropped for one in releases):
            return None
        return tuple(sorted({key for release in releases for key in release.value_keys}))

    def _removed_apis(self) -> Found:
        inventory = self.around.inventory
        if inventory is None:
            text = "no cluster was read: which APIs that go are in use is not known"
            return Found(open_gaps=(Gap(source="removed-apis", text=text, how="--from FILE or --context NAME"),))
        return from_removed_apis(removed_apis(inventory, self.around.knowledge.removals, self.versions), self.fence)

    def _critical(self, logs: Mapping[str, ChangelogReading]) -> Critical:
        ids = {id.upper() for id in self.given.mends} | {id for one in logs.values() for id in one.vulnerabilities}
        flagged = {id: self.around.knowledge.is_known_exploited(id, self.around.today) for id in sorted(ids)}
        name = self.product or self.given.component
        exposure = self.declared.exposure if self.declared is not None else ""
        return judge_critical(name, flagged, self.around.answers, exposure, self.around.emergencies)

    def _not_given(self, looked_at: frozenset[str]) -> list[Gap]:
        """Inputs that nobody gave: the version's promise is then taken as it stands, and that is said."""
        effect = "the promise of the version number is taken as it stands"
        ways = {
            "changelog": ("no change log was given", "--changelog FILE"),
            "crds": ("no definitions were given: whether a kind changes is not known", "--crds-old and --crds-new"),
            "chart": (
                "no chart was given: whether values still mean the same is not known",
                "--chart-old and --chart-new",
            ),
            "manifests": ("no rendered manifests were given", "--manifests-old and --manifests-new (helm template)"),
        }
        if self.product == KUBERNETES:
            ways = {"changelog": ways["changelog"]}
        return [
            Gap(source=name, text=text, effect=effect, how=how)
            for name, (text, how) in ways.items()
            if name not in looked_at
        ]


def _check_pairs(given: Given) -> None:
    for old, new, flag in (
        (given.crds_old, given.crds_new, "--crds"),
        (given.chart_old, given.chart_new, "--chart"),
        (given.manifests_old, given.manifests_new, "--manifests"),
    ):
        lone = (old and not new) or (flag == "--crds" and new and not old)
        if lone:
            here, there = ("old", "new") if old else ("new", "old")
            raise UsageProblem(
                f"{flag}-{here} is given without {flag}-{there}: there is nothing to compare it with",
                hint=f"add {flag}-{there} PATH",
            )


def _shape(path: str, files: GivenFiles) -> Keys:
    documents = [one for one in files.documents(_bytes(path), path, by_hand=True) if one is not None]
    if len(documents) > 1 or (documents and not isinstance(documents[0], Mapping)):
        raise BadInput("values are one mapping", location=Location(path))
    values: Mapping[str, Any] = documents[0] if documents else {}
    return shape_of(values)


def _bytes(path: str) -> bytes:
    try:
        file = Path(path).expanduser()
        if file.stat().st_size > _LARGEST_TEXT:
            raise BadInput(f"it has more than {_LARGEST_TEXT >> 20} MiB", location=Location(path))
        return file.read_bytes()
    except OSError as error:
        raise BadInput(f"it cannot be read: {error.strerror or error}", location=Location(path)) from error


def _text(path: str) -> str:
    return _bytes(path).decode("utf-8", "replace")


def _scheme_of(before: str, after: str) -> str:
    """The scheme that both versions can be read with; empty for none."""
    for scheme in ("semver", "helm"):
        if all(_read_version(text, scheme) is not None for text in (before, after)):
            return scheme
    guessed = {found.scheme for text in (before, after) if (found := guess_version(text)) is not None}
    return guessed.pop() if len(guessed) == 1 else ""


def distance_between(before: str, after: str, scheme: str = "") -> tuple[str, str]:
    """(distance, why it is not known) of two versions, of a scheme that is known or that both can be read with."""
    if not before or not after:
        return "unknown", "the version before or after is not told"
    found = scheme or _scheme_of(before, after)
    if not found:
        return "unknown", f"{before} and {after} cannot be read as versions of one kind"
    return distance_of(before, after, found)


def _read_version(text: str, scheme: str) -> Version | None:
    try:
        return parse_version(text, scheme) if scheme else None
    except BadInput:
        return None
