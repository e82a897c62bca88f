"""What the client does with answers, troubles and refusals."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable

import pytest

from shipkeeper.integrations.kubernetes.access import Access, ExecPlugin
from shipkeeper.integrations.kubernetes.connect import Connection
from shipkeeper.integrations.kubernetes.credentials import Credentials
from shipkeeper.integrations.kubernetes.exec_plugin import PluginAnswer
from shipkeeper.integrations.kubernetes.transport import Transport
from shipkeeper.model.errors import Conflict, Failed, Forbidden, ShipkeeperError, Unauthenticated, Unreachable
from shipkeeper.model.nodes import Node
from shipkeeper.ports.secrets import Secret, redact
from tests.client.helpers import CANARY, NOW_MS, Rig, listed, node, rig, run
from tests.client.server import FakeApi, Handler, Reply, Request, Stream, failure, script

BUSY = Reply(429, b"Too many requests, please try again later.", {"Retry-After": "2"})
OK = Reply(200, node("n1"))


def with_rig(handler: Handler, work: Callable[[Rig], Awaitable[None]], **settings: object) -> None:
    async def main() -> None:
        async with rig(handler, **settings) as found:
            await work(found)

    run(main)


def refused(handler: Handler, kind: type[ShipkeeperError]) -> ShipkeeperError:
    """The error that reading node n1 raises."""
    caught: list[ShipkeeperError] = []

    async def work(found: Rig) -> None:
        with pytest.raises(kind) as error:
            await found.link.cluster.get(Node, "n1")
        caught.append(error.value)

    with_rig(handler, work)
    return caught[0]


def test_a_request_says_who_asks_and_takes_gzip() -> None:
    async def work(found: Rig) -> None:
        assert (await found.link.cluster.get(Node, "n1")).name == "n1"
        headers = found.api.requests[0].headers
        assert headers["user-agent"].startswith("shipkeeper/"), "the audit log must tell who it was"
        assert headers["accept-encoding"] == "gzip"
        assert headers["authorization"] == f"Bearer {CANARY}"

    with_rig(script(Reply(200, node("n1"), gzip=True)), work)


def test_reads_are_never_from_a_cache() -> None:
    async def work(found: Rig) -> None:
        await found.link.cluster.get(Node, "n1")
        await found.link.cluster.list(Node)
        for request in found.api.requests:
            assert "resourceVersion" not in request.query, "resourceVersion=0 would read the server's cache"

    with_rig(lambda r: Reply(200, listed() if r.path.endswith("nodes") else node("n1")), work)


def test_compression_can_be_off() -> None:
    async def work(found: Rig) -> None:
        await found.link.cluster.get(Node, "n1")
        assert found.api.requests[0].headers["accept-encoding"] == "identity"

    with_rig(script(OK), work, access={"compression": False})


def test_an_object_that_is_not_there_is_none() -> None:
    async def work(found: Rig) -> None:
        assert await found.link.cluster.get(Node, "n1") is None

    with_rig(script(failure(404, "NotFound", 'nodes "n1" not found', name="n1", kind="nodes")), work)


def test_overload_is_waited_out_as_long_as_the_server_asks() -> None:
    async def work(found: Rig) -> None:
        assert (await found.link.cluster.get(Node, "n1")).name == "n1"
        assert found.clock.pauses == [2_000, 2_000], "Retry-After is the server's word"

    with_rig(script(BUSY, BUSY, OK), work)


def test_overload_without_end_is_said_and_is_no_budget() -> None:
    error = refused(script(BUSY), Unreachable)
    assert error.code == "busy", "a run must tell overload from a spent budget"
    assert "busy" in error.message


def test_overload_is_asked_a_bounded_number_of_times() -> None:
    async def work(found: Rig) -> None:
        with pytest.raises(Unreachable):
            await found.link.cluster.get(Node, "n1")
        assert len(found.api.requests) == 11

    with_rig(script(BUSY), work)


def test_a_gateway_in_trouble_gets_a_few_more_tries_for_reads() -> None:
    async def work(found: Rig) -> None:
        assert (await found.link.cluster.get(Node, "n1")).name == "n1"
        assert len(found.api.requests) == 3

    with_rig(script(Reply(503, b"<html>"), Reply(502, b"<html>"), OK), work)


def test_a_write_is_not_sent_twice_when_nobody_knows_what_became_of_it() -> None:
    async def work(found: Rig) -> None:
        from shipkeeper.ports.cluster import NodePatch

        with pytest.raises(Unreachable):
            await found.link.cluster.patch_node("n1", NodePatch(uid="u", unschedulable=True))
        assert len(found.api.requests) == 1

    with_rig(script(Reply(504, b"")), work)


def test_a_connection_that_dies_before_the_answer_is_tried_again_once() -> None:
    async def work(found: Rig) -> None:
        assert (await found.link.cluster.get(Node, "n1")).name == "n1"

    with_rig(script(Stream((b'{"kind": "No',), cut=True), OK), work)


def test_an_answer_that_is_always_cut_is_unreachable() -> None:
    error = refused(script(Stream((b'{"kind": "No',), cut=True)), Unreachable)
    assert error.exit_code == 7


def test_nobody_there_is_unreachable_and_names_the_server() -> None:
    async def main() -> None:
        async with FakeApi(script(OK)).running() as api:
            port = api.port
        link = Connection(Access(server=f"http://127.0.0.1:{port}", context="gone"), environ={})
        async with link:
            with pytest.raises(Unreachable) as error:
                await link.cluster.get(Node, "n1")
        assert f"127.0.0.1:{port}" in error.value.message
        assert "--context gone" in error.value.hint

    run(main)


def test_a_server_that_never_answers_is_given_up() -> None:
    async def work(found: Rig) -> None:
        found.api.hold()
        with pytest.raises(Unreachable) as error:
            await found.link.cluster.get(Node, "n1")
        assert error.value.code == "timeout"
        assert len(found.api.requests) == 1, "waiting a second full time would double the wait for nothing"

    with_rig(script(OK), work, answer_ms=200)


def test_forbidden_names_verb_and_resource() -> None:
    said = 'nodes "n1" is forbidden: User "eve" cannot get resource "nodes" in API group "" at the cluster scope'
    error = refused(script(failure(403, "Forbidden", said, name="n1", kind="nodes")), Forbidden)
    assert error.message == "not allowed to get nodes n1"
    assert error.why == said
    assert "can-i get nodes" in error.hint


def test_conflict_is_conflict() -> None:
    async def work(found: Rig) -> None:
        from shipkeeper.ports.cluster import NodePatch

        with pytest.raises(Conflict):
            await found.link.cluster.patch_node("n1", NodePatch(uid="u", resource_version="1"))

    with_rig(script(failure(409, "Conflict", "the object has been modified")), work)


def test_a_patch_of_another_uid_is_a_conflict_as_v1_36_says_it() -> None:
    causes = [{"reason": "FieldValueInvalid", "message": "field is immutable", "field": "metadata.uid"}]
    reply = failure(422, "Invalid", "Node n1 is invalid", name="n1", kind="Node", causes=causes)

    async def work(found: Rig) -> None:
        from shipkeeper.ports.cluster import NodePatch

        with pytest.raises(Conflict):
            await found.link.cluster.patch_node("n1", NodePatch(uid="u"))

    with_rig(script(reply), work)


def test_a_page_of_a_proxy_is_no_object() -> None:
    error = refused(script(Reply(200, b"<html>log in</html>")), Failed)
    assert error.code == "unexpected-answer"
    assert "log in" not in str(error)


def test_warnings_are_told_once_each() -> None:
    warned = Reply(
        200,
        node("n1"),
        {"Warning": '299 - "spec.foo is deprecated, use \\"bar\\"", 299 - "and another"'},
    )

    async def work(found: Rig) -> None:
        for _ in range(3):
            await found.link.cluster.get(Node, "n1")
        assert found.warnings == ['spec.foo is deprecated, use "bar"', "and another"]

    with_rig(script(warned), work)


def test_the_servers_clock_is_its_date_header() -> None:
    async def work(found: Rig) -> None:
        assert await found.link.cluster.server_time_ms() == NOW_MS

    with_rig(script(Reply(200, {"gitVersion": "v1.36.3"})), work)


def test_no_date_is_not_a_clock_that_agrees() -> None:
    async def work(found: Rig) -> None:
        with pytest.raises(Failed) as error:
            await found.link.cluster.server_time_ms()
        assert error.value.code == "no-date", "unknown must stop, not pass"

    with_rig(script(Reply(200, {"gitVersion": "v1.36.3"}, {"Date": "soon"})), work)


def token_of(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


class Plugin:
    """Counts how often it is run, and gives a new token each time."""

    def __init__(self, *, constant: bool = False) -> None:
        self.runs = 0
        self.constant = constant

    async def __call__(self, plugin: object, environ: object, *, interactive: bool = False) -> PluginAnswer:
        self.runs += 1
        await asyncio.sleep(0)
        return PluginAnswer(token=Secret("t1" if self.constant else f"t{self.runs}"))


PLUGIN = ExecPlugin("p", (), (), "client.authentication.k8s.io/v1", "Never")


def as_plugin(found: Rig, plugin: Plugin) -> Connection:
    """The rig's connection, with the credential of a plugin."""
    access = Access(server=found.api.url, context="test", plugin=PLUGIN)
    timing = found.clock.timing()
    link = Connection(access, environ={}, timing=timing)
    credentials = Credentials(access, environ={}, now_ms=timing.now_ms, run=plugin)
    link.transport = Transport(access, credentials, environ={}, timing=timing)
    link.cluster = type(link.cluster)(link.transport)
    return link


def test_401_runs_the_credential_once_more_and_goes_on() -> None:
    async def work(found: Rig) -> None:
        plugin = Plugin()
        async with as_plugin(found, plugin) as link:
            assert (await link.cluster.get(Node, "n1")).name == "n1"
            assert [token_of(request) for request in found.api.requests] == ["t1", "t2"]
            await link.cluster.get(Node, "n1")
            assert plugin.runs == 2, "the new credential is kept"

    with_rig(lambda request: failure(401, "Unauthorized") if token_of(request) == "t1" else OK, work)


def test_401_with_a_fresh_credential_is_unauthenticated() -> None:
    async def work(found: Rig) -> None:
        plugin = Plugin()
        async with as_plugin(found, plugin) as link:
            with pytest.raises(Unauthenticated) as error:
                await link.cluster.get(Node, "n1")
        assert plugin.runs == 2, "exactly once more: a plugin that fails must not be run in a circle"
        assert error.value.exit_code == 7

    with_rig(script(failure(401, "Unauthorized", "Unauthorized")), work)


def test_many_401_at_once_run_the_plugin_once() -> None:
    async def work(found: Rig) -> None:
        plugin = Plugin()
        async with as_plugin(found, plugin) as link:
            await asyncio.gather(*(link.cluster.get(Node, "n1") for _ in range(5)))
        assert plugin.runs == 2

    with_rig(lambda request: failure(401, "Unauthorized") if token_of(request) == "t1" else OK, work)


def test_401_with_a_plain_token_cannot_be_mended() -> None:
    error = refused(script(failure(401, "Unauthorized", "Unauthorized")), Unauthenticated)
    assert "kubectl auth whoami" in error.hint


@pytest.mark.parametrize(
    "reply",
    [
        failure(401, "Unauthorized", f"token {CANARY} has expired"),
        failure(403, "Forbidden", f"Bearer {CANARY}"),
        failure(500, "InternalError", f"could not use https://joe:{CANARY}@proxy"),
        Reply(400, f"<html>{CANARY}</html>".encode()),
        Stream((CANARY.encode(),), cut=True),
        Reply(200, f'{{"metadata": "{CANARY}"}}'.encode()),
    ],
)
def test_no_secret_gets_into_an_error(reply: Reply | Stream) -> None:
    error = refused(script(reply), ShipkeeperError)
    shown = [error.message, error.why, error.hint, error.object, repr(error), *traceback.format_exception(error)]
    assert not any(CANARY in text for text in shown), "a credential would be in logs and evidence"


def test_no_secret_is_in_what_objects_say_of_themselves() -> None:
    access = Access(server="https://x", token=Secret(CANARY), proxy_url=Secret(f"http://joe:{CANARY}@p"))
    assert CANARY not in repr(access)
    assert CANARY not in f"{access.token}"


@pytest.mark.parametrize(
    "kept",
    [
        'pods "reporting-postgres-primary-0123456789-abcde" is forbidden',
        "node ip-10-0-12-34.eu-north-1.compute.internal",
        "0a1b2c3d-4e5f-6789-abcd-ef0123456789",
    ],
)
def test_names_stay_readable(kept: str) -> None:
    assert redact(kept) == kept, "an error that hides the object's name helps nobody"


def test_impersonation_travels_in_headers() -> None:
    async def work(found: Rig) -> None:
        await found.link.cluster.get(Node, "n1")
        assert found.api.requests[0].headers["impersonate-user"] == "bob"

    with_rig(script(OK), work, access={"impersonate": (("Impersonate-User", "bob"),)})


def test_names_are_escaped_in_paths() -> None:
    async def work(found: Rig) -> None:
        await found.link.cluster.get(Node, "../../namespaces/x")
        assert found.api.requests[0].path == "/api/v1/nodes/..%2F..%2Fnamespaces%2Fx"

    with_rig(script(OK), work)


def test_whoami_asks_the_api_server() -> None:
    async def work(found: Rig) -> None:
        assert await found.link.cluster.whoami() == "system:serviceaccount:ops:runner"
        sent = found.api.requests[0]
        assert (sent.method, sent.path) == ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews")
        assert sent.json["kind"] == "SelfSubjectReview"

    with_rig(script(Reply(201, {"status": {"userInfo": {"username": "system:serviceaccount:ops:runner"}}})), work)
