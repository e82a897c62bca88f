"""Small events to fill journals with."""

from __future__ import annotations

from hypothesis import strategies as st

from shipkeeper.model.run import GateRead, Noted, PodOutcome, RunEvent, StepIntent, StepOutcome

RUN = "run-7f3a"
START_MS = 1_796_245_200_000

_text = st.text(max_size=20)
events: st.SearchStrategy[RunEvent] = st.one_of(
    st.builds(Noted, topic=_text, text=_text, step=_text),
    st.builds(GateRead, gate=_text, state=st.sampled_from(["open", "closed", "unknown"]), reading=_text),
    st.builds(
        StepIntent,
        step=_text,
        attempt=st.integers(1, 9),
        action=_text,
        target=_text,
        pods=st.lists(st.tuples(_text, _text), max_size=3).map(tuple),
        detail=st.dictionaries(_text, _text, max_size=3),
    ),
    st.builds(StepOutcome, step=_text, state=st.sampled_from(["done", "held"]), readings=st.just({"b": "1", "a": "2"})),
    st.builds(
        PodOutcome,
        step=_text,
        uid=_text,
        pod=_text,
        workload=_text,
        result=st.just("evicted"),
        waited_seconds=st.just(0.1),
    ),
)


def note(number: int) -> Noted:
    return Noted(topic="test", text=f"note {number}")
