"""A watch that closes its own gaps."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from shipkeeper.model.errors import Failed, Forbidden, Unauthenticated, Unreachable
from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod
from shipkeeper.model.time import MINUTE
from shipkeeper.ports.cluster import Watch
from tests.client.helpers import listed, node, pod, rig, run
from tests.client.server import Handler, Reply, Request, Stream, failure

Seen = list[tuple[str, str]]


def event(kind: str, item: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


def bookmark(version: str) -> bytes:
    return event("BOOKMARK", {"kind": "Node", "metadata": {"resourceVersion": version}})


GONE = event("ERROR", {"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old"})


async def forever() -> None:
    await asyncio.Event().wait()


class Api:
    """Lists and watches in the order given; the last watch stays open and silent."""

    def __init__(self, lists: list[Reply], watches: list[Reply | Stream]) -> None:
        self.lists, self.watches = lists, watches
        self.versions: list[str] = []

    def __call__(self, request: Request) -> Reply | Stream:
        if "watch" not in request.query:
            return self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        self.versions.append(request.query["resourceVersion"])
        return self.watches.pop(0) if self.watches else Stream((forever,))


async def take(watch: Watch[Any], count: int) -> Seen:
    seen = []
    for _ in range(count):
        change = await watch.receive()
        seen.append((change.type, change.object.name if change.object else ""))
    return seen


def follow(api: Handler, count: int, **timing: int) -> Seen:
    """The first ``count`` deliveries of a watch of nodes."""
    seen: Seen = []

    async def main() -> None:
        async with rig(api, **timing) as found:
            seen.extend(await take(found.link.cluster.watch(Node), count))

    run(main)
    return seen


def test_first_what_is_there_then_synced_then_changes() -> None:
    changes = event("ADDED", node("c")) + event("MODIFIED", node("a", "12")) + event("DELETED", node("b", "13"))
    api = Api([Reply(200, listed(node("b"), node("a")))], [Stream((changes, forever))])
    assert follow(api, 6) == [
        ("present", "a"),
        ("present", "b"),
        ("synced", ""),
        ("added", "c"),
        ("modified", "a"),
        ("deleted", "b"),
    ]


def test_it_goes_on_from_the_last_version_and_a_bookmark_counts() -> None:
    api = Api(
        [Reply(200, listed(node("a"), version="10"))],
        [
            Stream((event("MODIFIED", node("a", "12")),)),
            Stream((bookmark("40"),)),
            Stream((event("ADDED", node("z")),)),
        ],
    )
    assert follow(api, 4) == [("present", "a"), ("synced", ""), ("modified", "a"), ("added", "z")]
    assert api.versions[:3] == ["10", "12", "40"], "an old version would be told again, or be gone (410)"


def test_what_is_told_again_after_coming_back_is_not_delivered_twice() -> None:
    again = event("ADDED", node("a", "12"))
    api = Api([Reply(200, listed(node("a")))], [Stream((again,)), Stream((again, event("ADDED", node("b")), forever))])
    assert follow(api, 4) == [("present", "a"), ("synced", ""), ("modified", "a"), ("added", "b")]


def test_a_chunk_cut_in_the_middle_of_an_event_loses_nothing() -> None:
    whole, half = event("MODIFIED", node("a", "12")), event("ADDED", node("b", "13"))[:30]
    api = Api(
        [Reply(200, listed(node("a")))],
        [Stream((whole + half,), cut=True), Stream((event("ADDED", node("b", "13")), forever))],
    )
    assert follow(api, 4) == [("present", "a"), ("synced", ""), ("modified", "a"), ("added", "b")]
    assert api.versions[:2] == ["10", "12"]


def test_an_event_in_many_chunks_is_one_event() -> None:
    line = event("ADDED", node("b", "13"))
    api = Api([Reply(200, listed())], [Stream((*(line[i : i + 7] for i in range(0, len(line), 7)), forever))])
    assert follow(api, 2) == [("synced", ""), ("added", "b")]


@pytest.mark.parametrize("gap", [Stream((GONE,)), failure(410, "Expired", "too old resource version")])
def test_410_is_closed_by_listing_again(gap: Reply | Stream) -> None:
    before = listed(node("gone"), node("same"), node("changed"), node("replaced", uid="u1"))
    after = listed(node("same"), node("changed", "20"), node("new"), node("replaced", "21", uid="u2"), version="30")
    api = Api([Reply(200, before), Reply(200, after)], [gap])
    assert follow(api, 10)[5:] == [
        ("deleted", "gone"),
        ("modified", "changed"),
        ("added", "new"),
        ("deleted", "replaced"),
        ("added", "replaced"),
    ], "what happened in the gap must be told: a run waits for it"
    assert api.versions[1] == "30"


def test_a_silent_connection_is_opened_again() -> None:
    api = Api([Reply(200, listed(version="10"))], [Stream((forever,)), Stream((event("ADDED", node("b")), forever))])

    async def main() -> None:
        async with rig(api, silence_ms=100) as found:
            assert await take(found.link.cluster.watch(Node), 2) == [("synced", ""), ("added", "b")]
            assert api.versions == ["10", "10"]
            assert found.clock.pauses == [], "silence is no failure: waiting on top of it would add to the gap"

    run(main)


def test_bookmarks_and_narrowing_are_asked_for() -> None:
    async def main() -> None:
        async with rig(Api([Reply(200, listed(pod("p")))], [])) as found:
            await take(found.link.cluster.watch(Pod, node="n1"), 2)
            await asyncio.sleep(0.05)
            first, second = found.api.requests
            assert first.query["fieldSelector"] == second.query["fieldSelector"] == "spec.nodeName=n1"
            assert second.query["allowWatchBookmarks"] == "true"
            await take(found.link.cluster.watch(Node, node="n1"), 1)
            assert found.api.requests[2].query["fieldSelector"] == "metadata.name=n1"

    run(main)


def test_a_cancelled_receive_loses_nothing() -> None:
    async def main() -> None:
        opened = asyncio.Event()
        api = Api([Reply(200, listed())], [Stream((opened.wait, event("ADDED", node("b")), forever))])
        async with rig(api) as found:
            watch = found.link.cluster.watch(Node)
            assert await take(watch, 1) == [("synced", "")]
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await watch.receive()
            opened.set()
            assert await take(watch, 1) == [("added", "b")], "an executor waits with deadlines all the time"
            assert len(api.versions) == 1, "and the connection stays"

    run(main)


def test_it_gives_up_after_its_patience_and_says_what_the_trouble_was() -> None:
    def api(request: Request) -> Reply | Stream:
        return Reply(503, b"") if "watch" in request.query else Reply(200, listed())

    async def main() -> None:
        async with rig(api) as found:
            watch = found.link.cluster.watch(Node)
            await take(watch, 1)
            with pytest.raises(Unreachable, match=r"15 min.*503"):
                await watch.receive()
            waited = found.clock.now_ms
            assert 15 * MINUTE <= waited <= 16 * MINUTE, f"gave up after {waited} ms"
            assert max(found.clock.pauses) == 30_000, "asks at least every 30 s"
            with pytest.raises(Unreachable):
                await watch.receive()

    run(main)


def test_patience_begins_anew_when_the_watch_works_again() -> None:
    asked = 0

    def api(request: Request) -> Reply | Stream:
        nonlocal asked
        if "watch" not in request.query:
            return Reply(200, listed(version="10"))
        asked += 1
        return Stream((bookmark(str(asked)),)) if asked % 20 == 0 else Reply(503, b"")

    async def main() -> None:
        async with rig(api) as found:
            watch = found.link.cluster.watch(Node)
            await take(watch, 1)
            waiting = asyncio.ensure_future(watch.receive())
            later = asyncio.ensure_future(found.clock.reaches(20 * MINUTE))
            await asyncio.wait({waiting, later}, return_when=asyncio.FIRST_COMPLETED)
            assert not waiting.done(), "given up although the watch worked in between"
            waiting.cancel()

    run(main)


def test_a_server_that_ends_every_watch_at_once_is_not_asked_in_a_tight_circle() -> None:
    api = Api([Reply(200, listed())], [Stream(()) for _ in range(5)])

    async def main() -> None:
        async with rig(api) as found:
            watch = found.link.cluster.watch(Node)
            await take(watch, 1)
            waiting = asyncio.ensure_future(watch.receive())
            await found.clock.reaches(15_500)
            waiting.cancel()
            assert found.clock.pauses[:5] == [500, 1_000, 2_000, 4_000, 8_000]

    run(main)


@pytest.mark.parametrize(
    ("reply", "kind"), [(failure(401, "Unauthorized"), Unauthenticated), (failure(403, "Forbidden"), Forbidden)]
)
def test_refusals_are_told_at_once(reply: Reply, kind: type[Failed]) -> None:
    async def main() -> None:
        async with rig(lambda request: reply) as found:
            with pytest.raises(kind):
                await found.link.cluster.watch(Node).receive()
            assert found.clock.pauses == [], "waiting does not help"

    run(main)


def test_an_event_that_cannot_be_read_stops_the_watch() -> None:
    api = Api([Reply(200, listed())], [Stream((b'{"type": "ADDED", "object": 7}\n', forever))])

    async def main() -> None:
        async with rig(api) as found:
            watch = found.link.cluster.watch(Node)
            await take(watch, 1)
            with pytest.raises(Failed) as error:
                await watch.receive()
            assert error.value.code == "unexpected-answer", "skipping it would leave a run blind"

    run(main)


def test_close_wakes_who_waits_and_lets_the_connection_go() -> None:
    async def main() -> None:
        async with rig(Api([Reply(200, listed())], [])) as found:
            watch = found.link.cluster.watch(Node)
            await take(watch, 1)
            waiting = asyncio.create_task(watch.receive())
            await asyncio.sleep(0.05)
            watch.close()
            watch.close()
            with pytest.raises(Failed, match="closed"):
                await waiting
            with pytest.raises(Failed, match="closed"):
                await watch.receive()

    run(main)
