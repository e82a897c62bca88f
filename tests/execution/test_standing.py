"""Gates about people and calendars: read before anything begins and before each batch, and shut when in doubt."""

from __future__ import annotations

import pytest

from shipkeeper.model.errors import BadInput
from shipkeeper.model.run import GateRead, StateChanged, StepIntent
from shipkeeper.model.time import HOUR, MINUTE, SECOND
from tests import builders as b
from tests.execution.stage import Stage, Standing, window


def test_they_are_read_early_as_of_the_opening_and_again_before_every_batch() -> None:
    stage, gate = Stage(window=window(opens_in_ms=3 * HOUR)), Standing()
    assert stage.play(world=stage.world(standing=(gate,))).state == "done"
    opened = b.NOW + 3 * HOUR
    assert gate.asked[0] == opened, "the first reading is about the window, while there is still time to mend it"
    readings = [(e.at_ms, e.event.step) for e in stage.entries if isinstance(e.event, GateRead) and is_it(e.event)]
    assert readings[0][0] < opened
    assert [step for _, step in readings] == ["", "n1/cordon", "n2/cordon", "n3/cordon"]


def is_it(event: GateRead) -> bool:
    return event.gate == "not-frozen"


@pytest.mark.parametrize(
    ("says", "state", "words"),
    [
        ("closed", "closed", "nobody agreed"),
        ("unknown", "unknown", "nobody agreed"),
        (BadInput("the logbook is torn", hint="mend it"), "unknown", "the logbook is torn"),
        (RuntimeError("surprise"), "unknown", "RuntimeError: surprise"),
    ],
    ids=["closed", "unknown", "an error in words", "an error nobody thought of"],
)
@pytest.mark.requirement("R-C7")
def test_what_is_not_open_holds_before_the_first_effect(says: str | Exception, state: str, words: str) -> None:
    stage = Stage()
    result = stage.play(world=stage.world(standing=(Standing(says=says),)))
    assert (result.state, result.exit_code) == ("held", 4)
    assert "not-frozen" in result.reason
    assert words in result.reason
    assert not stage.of(StepIntent), "nothing was begun"
    assert stage.of(GateRead, gate="not-frozen")[0].state == state


def test_the_hold_tells_the_way_on() -> None:
    stage = Stage()
    stage.play(world=stage.world(standing=(Standing(says="closed"),)))
    held = stage.of(StateChanged, state="held")[0]
    assert "ask them" in held.will_do
    assert not any("approve" in command for command in held.commands), "approve is no agreement"
    assert held.why


def test_a_gate_that_closes_meanwhile_lets_no_further_node_go_and_opens_by_itself() -> None:
    stage, gate = Stage(window=window()), Standing()

    async def changes_its_mind(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/reboot"))
        gate.says = "closed"
        await stage.until(stage.seen(StateChanged, state="held"))
        await stage.kernel.sleep(20 * MINUTE)
        assert stage.of(StepIntent, step="n1/uncordon"), "the node in hand was brought back"
        assert not stage.of(StepIntent, step="n2/cordon")
        gate.says = "open"

    result = stage.play(changes_its_mind, world=stage.world(standing=(gate,)), hold_for_ms=None)
    assert result.state == "done"


def test_approve_and_resume_do_not_open_it() -> None:
    stage, gate = Stage(window=window()), Standing(says="closed")

    async def insists(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="held"))
        for word in ("approve", "resume"):
            stage.say(word)
            await stage.kernel.sleep(30 * SECOND)

    result = stage.play(insists, world=stage.world(standing=(gate,)), hold_for_ms=10 * MINUTE)
    assert (result.state, result.exit_code) == ("held", 4)
    assert not stage.of(StepIntent)


def test_a_node_that_is_half_way_is_brought_back_whatever_they_say() -> None:
    stage = Stage(window=window())

    async def dies(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/reboot"))
        stage.interrupts.stop()
        stage.interrupts.stop()

    assert stage.play(dies).state == "interrupted"
    result = stage.play(world=stage.world(standing=(Standing(says="closed"),)))
    assert result.state == "held"
    assert not stage.node("n1").unschedulable
    assert stage.of(StepIntent, step="n1/uncordon")
    assert not stage.of(StepIntent, step="n2/cordon")
