"""One suite, two runtimes: what ports.runtime promises, and the same order on both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.ports.runtime import ChannelClosed, DeadlineExceeded, Runtime
from tests.runtime.loops import START_MS, Body, on_asyncio, on_kernel

Drive = Callable[[Body], Any]


@pytest.fixture(params=[on_kernel, on_asyncio], ids=["kernel", "asyncio"])
def drive(request: pytest.FixtureRequest) -> Drive:
    chosen: Drive = request.param
    return chosen


class Boom(Exception):
    """Raised on purpose."""


def after(runtime: Runtime, ms: int, result: Any, log: list[Any] | None = None) -> Callable[[], Awaitable[Any]]:
    async def work() -> Any:
        try:
            await runtime.sleep(ms)
        except BaseException as error:
            if log is not None:
                log.append((result, "cancelled", isinstance(error, Exception)))
            raise
        if isinstance(result, Exception):
            raise result
        if log is not None:
            log.append(result)
        return result

    return work


def test_a_sleep_never_ends_early_and_both_clocks_move(drive: Drive) -> None:
    async def body(runtime: Runtime) -> tuple[int, int]:
        wall, mono = runtime.now_ms(), runtime.monotonic_ms()
        await runtime.sleep(1_500)
        return runtime.now_ms() - wall, runtime.monotonic_ms() - mono

    assert drive(body) == (1_500, 1_500)


def test_the_wall_clock_starts_where_it_was_put(drive: Drive) -> None:
    async def body(runtime: Runtime) -> int:
        return runtime.now_ms()

    assert drive(body) == START_MS


def test_work_becomes_ready_in_order_and_never_runs_at_once(drive: Drive) -> None:
    log: list[str] = []

    async def body(runtime: Runtime) -> None:
        async def say(word: str) -> None:
            log.append(word)
            await runtime.sleep(0)
            log.append(word.upper())

        async with runtime.scope() as scope:
            for word in "abc":
                scope.start(word, lambda word=word: say(word))
            log.append("started")

    drive(body)
    assert log == ["started", "a", "b", "c", "A", "B", "C"], "FIFO, and start() runs nothing at once"


def test_timers_of_one_millisecond_wake_in_the_order_they_were_set(drive: Drive) -> None:
    log: list[Any] = []

    async def body(runtime: Runtime) -> None:
        async with runtime.scope() as scope:
            for i in range(20):
                scope.start(f"t{i}", after(runtime, 10, i, log))
            for i in range(20, 30):
                scope.start(f"t{i}", after(runtime, 5, i, log))

    drive(body)
    assert log == [*range(20, 30), *range(20)]


def test_first_of_returns_the_first_and_cancels_the_others_before_it_returns(drive: Drive) -> None:
    log: list[Any] = []

    async def body(runtime: Runtime) -> Any:
        got = await runtime.first_of(after(runtime, 30, "slow", log), after(runtime, 10, "fast", log))
        log.append("returned")
        return got

    assert drive(body) == (1, "fast")
    assert log == ["fast", ("slow", "cancelled", False), "returned"], "cancellation is not an Exception"


def test_first_of_prefers_the_lowest_index_within_one_turn(drive: Drive) -> None:
    async def body(runtime: Runtime) -> Any:
        async def at_once(word: str) -> str:
            return word

        return await runtime.first_of(*[lambda word=word: at_once(word) for word in "abc"])

    assert drive(body) == (0, "a")


def test_first_of_raises_what_the_first_raised(drive: Drive) -> None:
    async def body(runtime: Runtime) -> None:
        with pytest.raises(Boom, match="bang"):
            await runtime.first_of(after(runtime, 30, "slow"), after(runtime, 10, Boom("bang")))

    drive(body)


def test_a_deadline_cancels_and_waits_for_the_end(drive: Drive) -> None:
    log: list[Any] = []

    async def body(runtime: Runtime) -> int:
        async def work() -> None:
            try:
                await runtime.sleep(1_000)
            finally:
                await runtime.sleep(50)
                log.append("cleaned")

        with pytest.raises(DeadlineExceeded):
            await runtime.deadline(100, work)
        log.append("raised")
        return runtime.monotonic_ms()

    assert drive(body) == 150
    assert log == ["cleaned", "raised"]


def test_ending_in_the_same_millisecond_is_in_time(drive: Drive) -> None:
    async def body(runtime: Runtime) -> Any:
        async def nested() -> Any:
            return await runtime.first_of(after(runtime, 100, "just"), after(runtime, 500, "never"))

        return await runtime.deadline(100, nested)

    assert drive(body) == (0, "just")


def test_a_deadline_hands_on_results_and_errors(drive: Drive) -> None:
    async def body(runtime: Runtime) -> Any:
        with pytest.raises(Boom):
            await runtime.deadline(100, after(runtime, 10, Boom("x")))
        with pytest.raises(DeadlineExceeded):
            await runtime.deadline(0, after(runtime, 10, "late"))
        return await runtime.deadline(100, after(runtime, 10, "result"))

    assert drive(body) == "result"


def test_deadlines_nest_and_the_inner_one_tells_first(drive: Drive) -> None:
    async def body(runtime: Runtime) -> Any:
        async def inner() -> str:
            try:
                return await runtime.deadline(50, after(runtime, 500, "never"))
            except DeadlineExceeded:
                return "inner"

        return await runtime.deadline(50, inner), runtime.monotonic_ms()

    # Both are due in the same millisecond: the inner one was set later, so the outer one ends the work first.
    with pytest.raises(DeadlineExceeded):
        drive(body)


def test_a_scope_waits_for_all_and_passes_on_the_first_error_only(drive: Drive) -> None:
    log: list[Any] = []

    async def body(runtime: Runtime) -> None:
        with pytest.raises(Boom, match="first"):  # noqa: PT012
            async with runtime.scope() as scope:
                scope.start("a", after(runtime, 20, Boom("first"), log))
                scope.start("b", after(runtime, 30, Boom("second"), log))
                scope.start("c", after(runtime, 10, "done", log))
                await runtime.sleep(1_000)
                log.append("unreachable")
        log.append(runtime.monotonic_ms())

    drive(body)
    assert log[0] == "done"
    assert log[-1] == 20, "the body of the scope is cancelled by the first error, not waited for"
    assert "unreachable" not in log


def test_a_cancelled_scope_does_not_raise(drive: Drive) -> None:
    log: list[Any] = []

    async def body(runtime: Runtime) -> None:
        async with runtime.scope() as scope:
            scope.start("a", after(runtime, 1_000, "a", log))
            await runtime.sleep(10)
            scope.cancel()
        log.append(runtime.monotonic_ms())

    drive(body)
    assert log == [("a", "cancelled", False), 10]


def test_work_started_in_a_cancelled_scope_does_not_run(drive: Drive) -> None:
    log: list[Any] = []

    async def body(runtime: Runtime) -> None:
        async with runtime.scope() as scope:
            scope.cancel()
            scope.start("late", after(runtime, 0, "ran", log))

    drive(body)
    assert log == []


def test_an_error_in_the_body_wins_over_the_pieces(drive: Drive) -> None:
    async def body(runtime: Runtime) -> None:
        with pytest.raises(Boom, match="body"):  # noqa: PT012
            async with runtime.scope() as scope:
                scope.start("a", after(runtime, 10, "a"))
                raise Boom("body")

    drive(body)


def test_a_cancellation_is_not_lost_while_a_scope_is_left_with_an_error(drive: Drive) -> None:
    log: list[Any] = []

    async def body(runtime: Runtime) -> None:
        async def slow_to_end() -> None:
            try:
                await runtime.sleep(1_000)
            finally:
                await runtime.sleep(50)

        async def work() -> None:
            try:
                async with runtime.scope() as scope:
                    scope.start("slow", slow_to_end)
                    await runtime.sleep(1)
                    raise Boom("body")
            except Boom:
                log.append("went on")
                await runtime.sleep(10_000)

        log.append(await runtime.first_of(work, after(runtime, 20, "stop")))
        log.append(runtime.monotonic_ms())

    drive(body)
    assert log == [(1, "stop"), 20], "the work went on although it had been cancelled"


def test_cancellation_runs_through_nested_scopes_and_deadlines(drive: Drive) -> None:
    log: list[Any] = []

    async def body(runtime: Runtime) -> None:
        async def deep() -> None:
            async with runtime.scope() as inner:
                inner.start("leaf", after(runtime, 1_000, "leaf", log))
                await runtime.deadline(5_000, after(runtime, 1_000, "awaited", log))

        got = await runtime.first_of(deep, after(runtime, 10, "fast"))
        log.append(got)

    drive(body)
    assert log[-1] == (1, "fast")
    assert ("leaf", "cancelled", False) in log
    assert ("awaited", "cancelled", False) in log


def test_a_channel_is_fifo_for_items_and_receivers(drive: Drive) -> None:
    log: list[Any] = []

    async def body(runtime: Runtime) -> None:
        channel = runtime.channel()

        async def take(name: str) -> None:
            log.append((name, await channel.receive()))

        async with runtime.scope() as scope:
            for name in "abc":
                scope.start(name, lambda name=name: take(name))
            await runtime.sleep(1)
            for item in (1, 2, 3):
                channel.send(item)
            log.append("sent")

    drive(body)
    assert log == ["sent", ("a", 1), ("b", 2), ("c", 3)]


def test_a_closed_channel_gives_what_is_left_then_says_so(drive: Drive) -> None:
    async def body(runtime: Runtime) -> list[Any]:
        channel = runtime.channel()
        channel.send(1)
        channel.send(2)
        channel.close()
        channel.close()
        with pytest.raises(ChannelClosed):
            channel.send(3)
        got = [len(channel), await channel.receive(), await channel.receive()]
        with pytest.raises(ChannelClosed):
            await channel.receive()
        return got

    assert drive(body) == [2, 1, 2]


def test_closing_a_channel_wakes_everybody_who_waits(drive: Drive) -> None:
    async def body(runtime: Runtime) -> int:
        channel = runtime.channel()
        told = 0

        async def wait() -> None:
            nonlocal told
            with pytest.raises(ChannelClosed):
                await channel.receive()
            told += 1

        async with runtime.scope() as scope:
            for i in range(3):
                scope.start(str(i), wait)
            await runtime.sleep(5)
            channel.close()
        return told

    assert drive(body) == 3


def test_a_cancelled_receiver_loses_nothing(drive: Drive) -> None:
    async def body(runtime: Runtime) -> list[Any]:
        channel = runtime.channel()
        got: list[Any] = []

        async def take(name: str) -> None:
            got.append((name, await channel.receive()))

        async with runtime.scope() as outer:
            outer.start("next", lambda: _after(runtime, 5, lambda: take("next")))
            async with runtime.scope() as scope:
                scope.start("first", lambda: take("first"))
                await runtime.sleep(10)
                scope.cancel()
                channel.send("item")
        return got

    assert drive(body) == [("next", "item")], "the item went to a receiver that had been cancelled"


async def _after(runtime: Runtime, ms: int, work: Callable[[], Awaitable[Any]]) -> Any:
    await runtime.sleep(ms)
    return await work()


def test_an_item_sent_while_its_receiver_times_out_is_not_lost(drive: Drive) -> None:
    async def body(runtime: Runtime) -> Any:
        channel = runtime.channel()
        results: list[Any] = []

        async def patient() -> None:
            results.append(await runtime.first_of(channel.receive, after(runtime, 10, "timeout")))

        async with runtime.scope() as scope:
            scope.start("patient", patient)
            await runtime.sleep(10)
            channel.send("item")
        return results, len(channel)

    results, left = drive(body)
    assert (results == [(0, "item")]) != (left == 1), "received once, or still there"


def test_the_result_survives_a_cancellation_that_comes_too_late(drive: Drive) -> None:
    async def body(runtime: Runtime) -> Any:
        async def stubborn() -> str:
            await runtime.sleep(10)
            return "done"

        return await runtime.first_of(stubborn, after(runtime, 10, "other"))

    assert drive(body) == (0, "done")


@st.composite
def programs(draw: st.DrawFn, depth: int = 0) -> tuple[Any, ...]:
    kinds = ["sleep", "send", "receive"] if depth > 2 else ["sleep", "send", "receive", "scope", "first", "deadline"]
    kind = draw(st.sampled_from(kinds))
    ms = draw(st.sampled_from([0, 0, 1, 2, 5, 5]))
    if kind in ("sleep", "send", "receive"):
        return kind, ms
    return kind, ms, draw(st.lists(programs(depth=depth + 1), min_size=1, max_size=3))


@given(st.lists(programs(), min_size=1, max_size=4))
def test_both_runtimes_tell_the_same_story(steps: list[tuple[Any, ...]]) -> None:
    assert on_kernel(story(steps)) == on_asyncio(story(steps)), "the order of events differs between the runtimes"


def story(steps: list[tuple[Any, ...]]) -> Body:
    """A program over one channel; its log tells who did what when, cancellations included."""

    async def body(runtime: Runtime) -> list[Any]:
        log: list[Any] = []
        channel = runtime.channel()

        async def do(name: str, step: tuple[Any, ...]) -> str:
            kind, ms = step[0], step[1]
            log.append((name, "in", runtime.monotonic_ms()))
            try:
                await act(name, kind, ms, step[2] if len(step) > 2 else [])
            except DeadlineExceeded:
                log.append((name, "late", runtime.monotonic_ms()))
            except Exception as error:
                log.append((name, type(error).__name__))
                raise
            except BaseException:
                log.append((name, "cancelled", runtime.monotonic_ms()))
                raise
            log.append((name, "out", runtime.monotonic_ms()))
            return name

        async def act(name: str, kind: str, ms: int, children: list[Any]) -> None:
            works = [lambda i=i, c=c: do(f"{name}.{i}", c) for i, c in enumerate(children)]
            if kind == "sleep":
                await runtime.sleep(ms)
            elif kind == "send":
                await runtime.sleep(ms)
                channel.send(name)
            elif kind == "receive":
                log.append((name, await runtime.deadline(ms, channel.receive)))
            elif kind == "first":
                log.append((name, await runtime.first_of(*works)))
            elif kind == "deadline":
                await runtime.deadline(ms, works[0])
            else:
                async with runtime.scope() as scope:
                    for i, work in enumerate(works):
                        scope.start(f"{name}.{i}", work)
                    await runtime.sleep(ms)

        async with runtime.scope() as scope:
            for i, step in enumerate(steps):
                scope.start(str(i), lambda i=i, step=step: do(str(i), step))
        return log

    return body
