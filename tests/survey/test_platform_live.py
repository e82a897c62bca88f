"""The platform in a live survey: a gap is a gap with its consequence, and never nothing there."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from shipkeeper.app.survey_live import survey_live
from shipkeeper.integrations.kubernetes.platform import Refused
from shipkeeper.model.errors import Failed, Forbidden
from shipkeeper.model.operands import Backup
from shipkeeper.model.releases import FluxObject, Release
from shipkeeper.semantics.wire import PLATFORM_READERS
from shipkeeper.semantics.wire.platform.kinds import FIELD_OF, UNKNOWN_OF
from tests.builders import NOW
from tests.survey.test_live import FakeSource, take

FLUX = FluxObject(
    kind="HelmRelease",
    namespace="shop",
    name="shop",
    ready="False",
    chart="./charts/shop",
    last_applied="1.4.1",
    release_name="shop",
    storage_namespace="shop",
    release_status="failed",
    release_revision=7,
)


@pytest.mark.requirement("R-A2")
def test_nothing_installed_is_no_gap() -> None:
    found = take(FakeSource())
    assert found.missing == ()
    assert (found.flux, found.backups, found.releases) == ((), (), ())
    assert [item.resource for item in found.deprecated_requests] == ["podsecuritypolicies"]


@pytest.mark.requirement("R-A2")
@pytest.mark.parametrize("name", sorted(PLATFORM_READERS))
@pytest.mark.parametrize(
    "error", [Forbidden("no"), Failed("does not answer", code="stale-group")], ids=["403", "stale"]
)
def test_what_may_not_be_read_is_unknown_never_absent(name: str, error: Failed) -> None:
    found = take(FakeSource({name: error}))
    [item] = found.missing
    assert (item.what, item.field) == (name, FIELD_OF[name])
    assert item.unknown == UNKNOWN_OF[FIELD_OF[name]]
    assert found.missing_in(FIELD_OF[name]), "who asks for the field must see that it is not whole"
    assert not found.cluster_missing, "a drain does not hang on it"


@pytest.mark.parametrize(("what", "field"), [("/metrics", "deprecated_requests"), ("configmaps", "releases")])
def test_the_other_sources_too(what: str, field: str) -> None:
    found = take(FakeSource({what: Forbidden("no")}))
    assert [item.what for item in found.missing_in(field)] == [what]


@pytest.mark.requirement("R-A2")
def test_without_secrets_releases_are_what_flux_tells_and_the_rest_is_unknown() -> None:
    source = FakeSource({"secrets": Forbidden("no")})
    source.platform_objects["helmreleases.helm.toolkit.fluxcd.io"] = (FLUX,)
    found = take(source)
    [release] = found.releases
    assert (release.storage, release.status, release.revision, release.owner) == (
        "flux-status",
        "failed",
        7,
        "shop/shop",
    )
    assert (release.chart, release.chart_version, release.whole) == ("shop", "1.4.1", False)
    assert [item.what for item in found.missing_in("releases")] == ["secrets"]


def test_with_secrets_flux_only_tells_who_runs_a_release() -> None:
    source = FakeSource()
    source.all_releases = (Release("shop", "shop", 8, "deployed", storage_namespace="shop"), Release("shop", "cli", 1))
    source.platform_objects["helmreleases.helm.toolkit.fluxcd.io"] = (
        FLUX,
        replace(FLUX, name="new", release_name="new"),
    )
    found = take(source)
    assert [(item.name, item.revision, item.owner) for item in found.releases] == [
        ("cli", 1, ""),
        ("shop", 8, "shop/shop"),
    ]


def test_objects_that_cannot_be_read_are_named_up_to_a_few() -> None:
    source = FakeSource()
    source.platform_objects["backups.velero.io"] = (Backup("velero", "velero", "daily"),)
    source.refused = tuple(Refused(f"velero/b{i}", "status: odd") for i in range(25))
    found = take(source)
    assert len(found.backups) == 1
    gaps = found.missing_in("backups")
    assert len(gaps) == 21
    assert any("5 more" in item.why for item in gaps)


def test_images_come_with_what_is_declared_and_runs_nowhere() -> None:
    found = {item.image: item for item in take(FakeSource()).images}
    assert found["registry.example/web:1"].pods == 2


def test_between_nodes_only_kubernetes_itself_is_read_again() -> None:
    source = FakeSource(
        {name: Failed("asked for") for name in (*PLATFORM_READERS, "secrets", "configmaps", "/metrics")}
    )
    found = asyncio.run(survey_live(source, NOW, platform=False))
    assert {item.field for item in found.missing} == set(UNKNOWN_OF)
    assert {item.why for item in found.missing} == {"it was not asked for"}
