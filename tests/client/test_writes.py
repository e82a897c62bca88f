"""Evictions and other writes: what is sent, and what each answer means."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from shipkeeper.integrations.kubernetes.calls import Answer
from shipkeeper.integrations.kubernetes.evictions import classify
from shipkeeper.integrations.kubernetes.objects import Target
from shipkeeper.model.cluster import Lease
from shipkeeper.model.errors import Conflict, Failed, Unauthenticated
from shipkeeper.ports.cluster import Eviction, NodePatch
from tests.client.helpers import node, rig, run
from tests.client.server import Reply, Request, Stream, failure, script

ONE = Eviction("shop", "web-1", "uid-1")
DONE = Reply(201, {"kind": "Status", "status": "Success", "metadata": {}})
SPENT = failure(
    429,
    "TooManyRequests",
    "Cannot evict pod as it would violate the pod's disruption budget.",
    causes=[
        {"reason": "DisruptionBudget", "message": "The disruption budget d1 needs 9 healthy pods and has 9 currently"}
    ],
)
LAGGING = failure(
    429,
    "TooManyRequests",
    "Cannot evict pod as it would violate the pod's disruption budget.",
    retryAfterSeconds=10,
    causes=[
        {"reason": "DisruptionBudget", "message": "The disruption budget d1 is still being processed by the server."}
    ],
)
TWO = failure(
    500,
    "InternalError",
    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
)
BODY_ONLY = Reply(201, TWO.body)
WEBHOOK_DOWN = failure(500, "InternalError", 'Internal error occurred: failed calling webhook "w": no endpoints')
DENIED = failure(403, "Forbidden", 'admission webhook "policy.example" denied the request: not tonight')
TERMINATING = failure(
    403, "Forbidden", "unable to create", causes=[{"reason": "NamespaceTerminating", "message": "is being terminated"}]
)

ANSWERS = [
    ("evicted", DONE, "accepted", 201),
    ("no such pod", failure(404, "NotFound", 'pods "web-1" not found', name="web-1", kind="pods"), "gone", 404),
    ("no such API", Reply(404, b"404 page not found"), "refused", 404),
    ("another pod of that name", failure(409, "Conflict", "the UID in the precondition"), "conflict", 409),
    ("spent", SPENT, "spent", 429),
    ("status of the budget lags", LAGGING, "spent", 429),
    ("overloaded", Reply(429, b"Too many requests", {"Retry-After": "1"}), "busy", 429),
    ("overloaded, as a Status", failure(429, "TooManyRequests", "too many", retryAfterSeconds=3), "busy", 429),
    ("two budgets", TWO, "hopeless", 500),
    ("failure in the body only", BODY_ONLY, "hopeless", 500),
    ("webhook down", WEBHOOK_DOWN, "busy", 500),
    ("webhook says no", DENIED, "refused", 403),
    ("RBAC says no", failure(403, "Forbidden", "cannot create resource pods/eviction"), "refused", 403),
    ("namespace goes", TERMINATING, "namespace-terminating", 403),
    ("gateway", Reply(504, b"<html>"), "busy", 504),
    ("success that is no Status", Reply(200, b"{}"), "busy", 200),
    ("invalid", failure(422, "Invalid", "no"), "refused", 422),
]


@pytest.mark.parametrize(("reply", "outcome", "code"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_each_answer_to_an_eviction_has_its_word(reply: Reply, outcome: str, code: int) -> None:
    async def main() -> None:
        async with rig(script(reply)) as found:
            (answer,) = await found.link.cluster.evict_many([ONE])
            assert (answer.outcome, answer.code) == (outcome, code), answer
            assert answer.eviction is ONE
            assert len(found.api.requests) == 1, "when to ask again is for the drain to decide"

    run(main)


def test_the_budget_that_says_no_is_named() -> None:
    async def main() -> None:
        async with rig(script(SPENT, LAGGING)) as found:
            (spent,) = await found.link.cluster.evict_many([ONE])
            (lagging,) = await found.link.cluster.evict_many([ONE])
            assert (spent.budget, spent.retry_after_ms) == ("d1", 0)
            assert (lagging.budget, lagging.retry_after_ms) == ("d1", 10_000)
            assert "needs 9 healthy pods and has 9 currently" in spent.message

    run(main)


def test_overload_says_when_to_come_back() -> None:
    reply = Answer(429, b"busy", {"retry-after": "7"})
    assert classify(ONE, reply).retry_after_ms == 7_000


def test_a_spent_budget_is_never_taken_for_overload() -> None:
    def answer(reply: Reply) -> Answer:
        return Answer(reply.code, json.dumps(reply.body).encode())

    assert not answer(SPENT).is_busy
    assert not answer(LAGGING).is_busy
    assert answer(failure(429, "TooManyRequests", "too many", retryAfterSeconds=3)).is_busy


def test_an_eviction_carries_the_uid_and_the_shorter_grace() -> None:
    async def main() -> None:
        async with rig(script(DONE)) as found:
            await found.link.cluster.evict_many([ONE])
            await found.link.cluster.evict_many([Eviction("shop", "web-1", "uid-1", grace_ms=1_500)])
            first, second = (request.json for request in found.api.requests)
            assert found.api.requests[0].path == "/api/v1/namespaces/shop/pods/web-1/eviction"
            assert first["apiVersion"] == "policy/v1"
            assert first["deleteOptions"] == {"preconditions": {"uid": "uid-1"}}, "without it a new pod could go"
            assert second["deleteOptions"]["gracePeriodSeconds"] == 2, "never shorter than asked for"

    run(main)


def test_many_evictions_answer_in_order_and_a_few_at_a_time() -> None:
    async def main() -> None:
        def answer(request: Request) -> Reply:
            return SPENT if int(request.path.split("/")[-2].removeprefix("p")) % 3 else DONE

        async with rig(answer) as found:
            release = found.api.hold()
            asked = asyncio.create_task(
                found.link.cluster.evict_many([Eviction("shop", f"p{i}", f"u{i}") for i in range(60)])
            )
            await asyncio.sleep(0.5)
            release.set()
            answers = await asked
            assert found.api.most_in_flight == 16, "all at once would trip priority and fairness"
            assert [item.eviction.name for item in answers] == [f"p{i}" for i in range(60)]
            assert [item.outcome for item in answers] == ["spent" if i % 3 else "accepted" for i in range(60)]

    run(main)


def test_an_answer_that_did_not_come_is_busy_and_not_repeated() -> None:
    async def main() -> None:
        async with rig(script(Stream((b"{",), cut=True))) as found:
            (answer,) = await found.link.cluster.evict_many([ONE])
            assert (answer.outcome, answer.code) == ("busy", 0)
            assert len(found.api.requests) == 1

    run(main)


def test_one_401_is_that_pods_and_only_401_is_everybodys() -> None:
    no = failure(401, "Unauthorized", "Unauthorized")
    two = [ONE, Eviction("shop", "web-2", "uid-2")]

    async def main() -> None:
        async with rig(lambda request: no if "web-1" in request.path else DONE) as found:
            answers = await found.link.cluster.evict_many(two)
            assert [item.outcome for item in answers] == ["busy", "accepted"], "the other pod's answer must not be lost"
        async with rig(script(no)) as found:
            with pytest.raises(Unauthenticated):
                await found.link.cluster.evict_many(two)
            assert await found.link.cluster.evict_many([]) == ()

    run(main)


def sent_by_patch(patch: NodePatch) -> Request:
    sent: list[Request] = []

    async def main() -> None:
        async with rig(script(Reply(200, node("n1", "8")))) as found:
            assert (await found.link.cluster.patch_node("n1", patch)).resource_version == "8"
            sent.extend(found.api.requests)

    run(main)
    assert len(sent) == 1, "cordon and mark must be one change"
    return sent[0]


def test_a_node_is_changed_by_one_patch_with_its_preconditions() -> None:
    patch = NodePatch("uid-1", "7", True, {"shipkeeper.io/run": "run-1", "shipkeeper.io/old": None})
    request = sent_by_patch(patch)
    assert request.method == "PATCH"
    assert request.headers["content-type"] == "application/merge-patch+json"
    assert request.query == {"fieldManager": "shipkeeper"}
    assert request.json == {
        "metadata": {
            "uid": "uid-1",
            "resourceVersion": "7",
            "annotations": {"shipkeeper.io/run": "run-1", "shipkeeper.io/old": None},
        },
        "spec": {"unschedulable": True},
    }


def test_what_a_patch_does_not_say_stays_as_it_is() -> None:
    assert sent_by_patch(NodePatch("uid-1")).json == {"metadata": {"uid": "uid-1"}}
    assert sent_by_patch(NodePatch("uid-1", unschedulable=False)).json["spec"] == {"unschedulable": False}


def test_a_patch_waits_out_overload_because_nothing_was_done() -> None:
    busy = Reply(429, b"Too many requests", {"Retry-After": "1"})

    async def main() -> None:
        async with rig(script(busy, Reply(200, node("n1")))) as found:
            await found.link.cluster.patch_node("n1", NodePatch("uid-1"))
            assert found.clock.pauses == [1_000]

    run(main)


def test_a_node_that_is_gone_is_a_conflict() -> None:
    async def main() -> None:
        async with rig(script(failure(404, "NotFound", "not found"))) as found:
            with pytest.raises(Conflict) as error:
                await found.link.cluster.patch_node("n1", NodePatch("uid-1"))
            assert error.value.code == "gone"

    run(main)


LEASE = Lease(
    "kube-system", "shipkeeper", "run-1", 15_500, 1_795_262_400_123, 1_795_262_401_000, 2, {"shipkeeper.io/head": "h"}
)


def lease_body(**meta: Any) -> dict[str, Any]:
    return {"metadata": {"name": "shipkeeper", "namespace": "kube-system", "resourceVersion": "5", **meta}, "spec": {}}


def test_a_lease_is_made_when_it_has_no_version() -> None:
    async def main() -> None:
        async with rig(script(Reply(201, lease_body()))) as found:
            assert (await found.link.cluster.put_lease(LEASE)).resource_version == "5"
            request = found.api.requests[0]
            path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
            assert (request.method, request.path) == ("POST", path)
            assert request.json["spec"] == {
                "holderIdentity": "run-1",
                "leaseDurationSeconds": 16,
                "acquireTime": "2026-11-21T12:00:00.123000Z",
                "renewTime": "2026-11-21T12:00:01.000000Z",
                "leaseTransitions": 2,
            }, "a duration rounded down would let another take it while its holder still acts"
            assert request.json["metadata"]["annotations"] == {"shipkeeper.io/head": "h"}

    run(main)


def test_a_lease_is_replaced_exactly_at_its_version() -> None:
    from msgspec.structs import replace

    held = replace(LEASE, uid="u", resource_version="5")

    async def main() -> None:
        async with rig(script(Reply(200, lease_body(resourceVersion="6")), failure(409, "Conflict", "x"))) as found:
            assert (await found.link.cluster.put_lease(held)).resource_version == "6"
            request = found.api.requests[0]
            assert request.method == "PUT"
            assert request.path.endswith("/leases/shipkeeper")
            assert request.json["metadata"]["resourceVersion"] == "5"
            with pytest.raises(Conflict):
                await found.link.cluster.put_lease(held)

    run(main)


def test_a_lease_in_a_namespace_that_is_not_there_says_so() -> None:
    reply = failure(404, "NotFound", 'namespaces "ops" not found', name="ops", kind="namespaces")

    async def main() -> None:
        async with rig(script(reply)) as found:
            with pytest.raises(Failed) as error:
                await found.link.cluster.put_lease(Lease("ops", "shipkeeper"))
            assert 'namespaces "ops" not found' in error.value.message

    run(main)


WHERE = Target("/api/v1/namespaces/ops/configmaps/c", "configmaps", "ops", "c")


def test_server_side_apply_is_under_our_own_name_and_forces_only_when_asked() -> None:
    async def main() -> None:
        async with rig(script(Reply(200, {"metadata": {"name": "c"}}))) as found:
            await found.link.objects.patch(WHERE, "apply", {"data": {"k": "v"}})
            await found.link.objects.patch(WHERE, "apply", {"data": {"k": "v"}}, force=True, dry_run=True)
            await found.link.objects.patch(WHERE, "json", [{"op": "test", "path": "/metadata/uid", "value": "u"}])
            await found.link.objects.patch(WHERE, "strategic", {})
            first, second, third, fourth = found.api.requests
            assert first.headers["content-type"] == "application/apply-patch+yaml"
            assert first.query == {"fieldManager": "shipkeeper"}
            assert second.query == {"fieldManager": "shipkeeper", "force": "true", "dryRun": "All"}
            assert third.headers["content-type"] == "application/json-patch+json"
            assert fourth.headers["content-type"] == "application/strategic-merge-patch+json"

    run(main)


def test_delete_is_of_exactly_that_object() -> None:
    async def main() -> None:
        gone = failure(404, "NotFound", "not found")
        async with rig(script(Reply(200, {}), gone, failure(409, "Conflict", "uid"))) as found:
            assert await found.link.objects.delete(WHERE, uid="u1", resource_version="3", grace_seconds=0)
            assert not await found.link.objects.delete(WHERE, uid="u1")
            with pytest.raises(Conflict):
                await found.link.objects.delete(WHERE, uid="u1")
            sent = found.api.requests[0].json
            assert sent["preconditions"] == {"uid": "u1", "resourceVersion": "3"}
            assert sent["gracePeriodSeconds"] == 0

    run(main)
