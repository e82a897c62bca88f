"""Reading the platform over HTTP: versions by discovery, releases by their labels first, gaps told apart."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shipkeeper.integrations.kubernetes.discovery import NotServed
from shipkeeper.model.errors import Failed, Forbidden
from tests.client.helpers import listed, rig, run
from tests.client.server import Handler, Reply, Request, failure
from tests.client.test_lists import api_with, discovery
from tests.platform_samples.backups import velero
from tests.platform_samples.helm import CANARY, record, release

FORBIDDEN = failure(403, "Forbidden", "secrets is forbidden")


def one(reply: Reply) -> Handler:
    return lambda _: reply


def test_a_kind_is_read_in_the_version_that_is_served() -> None:
    asked: list[str] = []

    def answer(request: Request) -> Reply:
        if request.path in ("/api", "/apis"):
            found = discovery(("velero.io", "Backup", "backups"))
            found["items"][0]["versions"][0]["version"] = "v2"
            return Reply(200, found)
        asked.append(request.path)
        return Reply(200, listed(*[item for item in velero() if item["kind"] == "Backup"]))

    async def main() -> None:
        async with rig(answer) as found:
            items, refused = await found.link.source.platform.list_kind("backups.velero.io")
            assert [item.name for item in items] == ["daily-1", "daily-2", "daily-3"]
            assert refused == ()
            assert asked == ["/apis/velero.io/v2/backups"], "what is read must not depend on the version we know"

    run(main)


def test_not_installed_forbidden_and_not_knowable_are_three_things() -> None:
    async def main() -> None:
        async with rig(api_with(one(FORBIDDEN), stale="kyverno.io")) as found:
            platform = found.link.source.platform
            with pytest.raises(NotServed):
                await platform.list_kind("backups.velero.io")
            with pytest.raises(Failed) as stale:
                await platform.list_kind("clusterpolicies.kyverno.io")
            assert stale.value.code == "stale-group"
        async with rig(api_with(one(FORBIDDEN), ("velero.io", "Backup", "backups"))) as found:
            with pytest.raises(Forbidden) as refused:
                await found.link.source.platform.list_kind("backups.velero.io")
            assert "backups.velero.io" in refused.value.message

    run(main)


def test_an_object_that_cannot_be_read_is_named_and_hides_no_other() -> None:
    good, bad, *_ = [item for item in velero() if item["kind"] == "Backup"]
    bad["status"] = {"errors": ["many"]}

    async def main() -> None:
        async with rig(api_with(one(Reply(200, listed(bad, good))), ("velero.io", "Backup", "backups"))) as found:
            items, refused = await found.link.source.platform.list_kind("backups.velero.io")
            assert [item.name for item in items] == ["daily-1"]
            assert [item.name for item in refused] == ["velero/daily-2"]

    run(main)


def helm_api(*records: dict[str, Any], gone: str = "") -> tuple[Handler, list[Request]]:
    """A server with these Secrets. It gives metadata alone to who asks for that."""
    asked: list[Request] = []

    def answer(request: Request) -> Reply:
        asked.append(request)
        assert request.query.get("labelSelector") == "owner=helm", "no other Secret may ever be asked for"
        if "PartialObjectMetadata" in request.headers.get("accept", ""):
            assert request.path == "/api/v1/secrets"
            return Reply(200, listed(*[{"metadata": item["metadata"]} for item in records]))
        name = request.query["fieldSelector"].removeprefix("metadata.name=")
        return Reply(200, listed(*[item for item in records if item["metadata"]["name"] == name and name != gone]))

    return answer, asked


@pytest.mark.requirement("R-A2")
def test_only_the_newest_record_of_each_release_is_read_whole() -> None:
    old = [record(release(revision=number, status="superseded")) for number in (1, 2, 9)]
    new = record(release(revision=10, status="failed"))
    other = record(release(name="bank", namespace="bank"))
    answer, asked = helm_api(*old, record(release(revision=8)), new, other)

    async def main() -> None:
        async with rig(answer) as found:
            releases, refused = await found.link.source.platform.releases("secret")
            assert [(item.name, item.revision, item.status, item.deployed_revision) for item in releases] == [
                ("bank", 1, "deployed", 1),
                ("shop", 10, "failed", 8),
            ]
            assert refused == ()
            assert CANARY not in repr(releases)
        whole = [request for request in asked if "fieldSelector" in request.query]
        assert len(whole) == 2, "a release's ten old records are ten times a megabyte"

    run(main)


def test_a_record_that_goes_away_or_is_broken_is_told_by_its_labels() -> None:
    broken = record(release(name="bank", namespace="bank"))
    broken["data"]["release"] = "not a release"
    gone = record(release())
    answer, _ = helm_api(broken, gone, gone=gone["metadata"]["name"])

    async def main() -> None:
        async with rig(answer) as found:
            releases, refused = await found.link.source.platform.releases("secret")
            assert [(item.name, item.storage, item.whole) for item in releases] == [
                ("bank", "labels-only", False),
                ("shop", "labels-only", False),
            ]
            assert [item.name for item in refused] == ["bank/bank", "shop/shop"]

    run(main)


def test_an_empty_list_of_metadata_has_null_for_items_and_is_none() -> None:
    empty = Reply(200, {"kind": "PartialObjectMetadataList", "metadata": {"resourceVersion": "9"}, "items": None})

    async def main() -> None:
        async with rig(api_with(one(empty), ("karpenter.sh", "NodePool", "nodepools"))) as found:
            assert await found.link.source.platform.releases("configmap") == ((), ())
            assert await found.link.source.probe("karpenter.sh", "nodepools") == 0

    run(main)


def test_without_the_right_to_secrets_nothing_is_guessed() -> None:
    async def main() -> None:
        async with rig(one(FORBIDDEN)) as found:
            with pytest.raises(Forbidden):
                await found.link.source.platform.releases("secret")

    run(main)


METRICS = b"""# HELP apiserver_requested_deprecated_apis [STABLE] Gauge of deprecated APIs that have been requested
# TYPE apiserver_requested_deprecated_apis gauge
apiserver_requested_deprecated_apis{group="policy",removed_release="1.25",resource="poddisruptionbudgets",subresource="",version="v1beta1"} 1
apiserver_requested_deprecated_apis{group="flowcontrol.apiserver.k8s.io",removed_release="1.32",resource="flowschemas",subresource="status",version="v1beta3"} 1
apiserver_requested_deprecated_apis{group="batch",removed_release="1.25",resource="cronjobs",subresource="",version="v1beta1"} 0
apiserver_request_total{code="200"} 7
"""  # noqa: E501


@pytest.mark.requirement("R-A2")
def test_deprecated_apis_in_use_come_from_the_server_s_own_metrics() -> None:
    async def main() -> None:
        async with rig(one(Reply(200, METRICS))) as found:
            asked = await found.link.source.platform.deprecated_requests()
            assert [(item.resource, item.version, item.subresource, item.removed_release) for item in asked] == [
                ("flowschemas", "v1beta3", "status", "1.32"),
                ("poddisruptionbudgets", "v1beta1", "", "1.25"),
            ]
        async with rig(one(Reply(200, b"<html>log in</html>"))) as found:
            with pytest.raises(Failed, match="no metrics"):
                await found.link.source.platform.deprecated_requests()
        async with rig(one(failure(403, "Forbidden", "cannot get path /metrics"))) as found:
            with pytest.raises(Forbidden):
                await found.link.source.platform.deprecated_requests()

    run(main)


def test_images_are_counted_by_the_name_that_people_wrote() -> None:
    def pod(name: str, image: str, image_id: str, namespace: str = "shop", phase: str = "Running") -> dict[str, Any]:
        return {
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"containers": [{"name": "c", "image": image}, {"name": "d", "image": image}]},
            "status": {
                "phase": phase,
                "containerStatuses": [{"name": "c", "image": "docker.io/x", "imageID": image_id}],
            },
        }

    pods = [
        pod("a", "web:1", "registry.example/web@sha256:aa"),
        pod("b", "web:1", "docker-pullable://registry.example/web@sha256:bb", "bank"),
        pod("c", "web:1", "sha256:cc"),
        pod("d", "job:1", "job@sha256:dd", phase="Succeeded"),
    ]

    async def main() -> None:
        async with rig(one(Reply(200, json.loads(json.dumps(listed(*pods)))))) as found:
            _, images = await found.link.source.pods()
            job, web = images
            assert (web.image, web.digests, web.namespaces) == ("web:1", ("sha256:aa", "sha256:bb"), ("bank", "shop"))
            assert (job.pods, job.digests) == (0, ("sha256:dd",)), "what has ended runs nowhere"

    run(main)
