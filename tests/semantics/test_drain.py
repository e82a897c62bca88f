"""What a drain moves, leaves, waits for and may not touch (T1, T14, T16)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.plan import DrainPolicy
from shipkeeper.model.pods import Pod
from shipkeeper.semantics.drain import grace_ms, is_stuck, sort_pods, verdict
from tests.builders import NOW, mirror, owner, pod, shape

DEFAULT = DrainPolicy()
DATA = DrainPolicy(delete_empty_dir_data=("*",))
BARE = DrainPolicy(allow_unmanaged=("*",))
BOTH = DrainPolicy(delete_empty_dir_data=("*",), allow_unmanaged=("*",))

RS = owner("ReplicaSet", "web-1")
SCRATCH = shape({"app": "web"}, volumes=("emptyDir",))

KINDS: dict[str, Pod] = {
    "plain": pod(owned_by=RS),
    "emptydir": pod(owned_by=RS, template=SCRATCH),
    "hostpath": pod(owned_by=RS, template=shape(volumes=("hostPath",))),
    "bare": pod(),
    "bare-emptydir": pod(template=SCRATCH),
    "daemon": pod(owned_by=owner("DaemonSet", "agent")),
    "daemon-emptydir": pod(owned_by=owner("DaemonSet", "agent"), template=SCRATCH),
    "mirror": mirror("etcd", "n1"),
    "finished-bare": pod(phase="Succeeded", ready=False),
    "failed-emptydir": pod(phase="Failed", ready=False, template=SCRATCH),
    "pending": pod(phase="Pending", ready=False, owned_by=RS),
    "terminating": pod(owned_by=RS, deletion_ms=NOW + 1),
    "terminating-bare": pod(deletion_ms=NOW + 1),
    "stuck": pod(owned_by=RS, deletion_ms=NOW - 60_001),
}

TABLE = [
    ("plain", "evict", "evict", "evict", "evict"),
    ("emptydir", "blocked", "evict", "blocked", "evict"),
    ("hostpath", "evict", "evict", "evict", "evict"),
    ("bare", "blocked", "blocked", "evict", "evict"),
    ("bare-emptydir", "blocked", "blocked", "blocked", "evict"),
    ("daemon", "skip", "skip", "skip", "skip"),
    ("daemon-emptydir", "skip", "skip", "skip", "skip"),
    ("mirror", "skip", "skip", "skip", "skip"),
    ("finished-bare", "evict", "evict", "evict", "evict"),
    ("failed-emptydir", "evict", "evict", "evict", "evict"),
    ("pending", "evict", "evict", "evict", "evict"),
    ("terminating", "terminating", "terminating", "terminating", "terminating"),
    ("terminating-bare", "terminating", "terminating", "terminating", "terminating"),
    ("stuck", "terminating", "terminating", "terminating", "terminating"),
]


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_t1_filter_table(row: tuple[str, str, str, str, str]) -> None:
    kind, *piles = row
    for policy, pile in zip((DEFAULT, DATA, BARE, BOTH), piles, strict=True):
        assert verdict(KINDS[kind], policy, NOW)[0] == pile, f"{kind} under {policy}"


def test_every_reason_is_named() -> None:
    assert verdict(KINDS["bare-emptydir"], DEFAULT, NOW) == ("blocked", ("empty-dir", "unmanaged"))
    assert verdict(KINDS["bare-emptydir"], DATA, NOW) == ("blocked", ("unmanaged",))


@pytest.mark.parametrize(
    ("policy", "pile"),
    [
        (DrainPolicy(delete_empty_dir_data=("default",)), "evict"),
        (DrainPolicy(delete_empty_dir_data=("other",)), "blocked"),
        (DrainPolicy(delete_empty_dir_data=("default/p1",)), "evict"),
    ],
)
def test_permission_is_by_namespace_or_pod(policy: DrainPolicy, pile: str) -> None:
    assert verdict(KINDS["emptydir"], policy, NOW)[0] == pile
    bare = DrainPolicy(allow_unmanaged=policy.delete_empty_dir_data)
    assert verdict(KINDS["bare"], bare, NOW)[0] == pile


def test_t16_stuck_is_a_minute_past_the_deadline() -> None:
    assert not is_stuck(pod(deletion_ms=NOW - 60_000), NOW)
    assert is_stuck(pod(deletion_ms=NOW - 60_001), NOW)
    assert not is_stuck(pod(), NOW)
    assert verdict(KINDS["stuck"], DEFAULT, NOW)[1] == ("stuck",)


def test_grace_period_may_only_shorten() -> None:
    assert grace_ms(30_000, DEFAULT) == 30_000
    assert grace_ms(30_000, DrainPolicy(grace_period_seconds=10)) == 10_000
    assert grace_ms(30_000, DrainPolicy(grace_period_seconds=300)) == 30_000, "a drain would have become slower"


def _pods() -> st.SearchStrategy[list[Pod]]:
    def build(specs: list[dict[str, Any]]) -> list[Pod]:
        return [pod(f"p{i}", **spec) for i, spec in enumerate(specs)]

    owners = st.sampled_from([None, RS, owner("DaemonSet", "agent"), owner("Job", "j")])
    spec = st.fixed_dictionaries(
        {
            "owned_by": owners,
            "template": st.sampled_from([SCRATCH, shape()]),
            "phase": st.sampled_from(["Running", "Pending", "Succeeded", "Failed"]),
            "deletion_ms": st.sampled_from([None, NOW, NOW - 100_000]),
            "mirror": st.booleans(),
        }
    )
    return st.lists(spec, max_size=8).map(build)


@given(_pods(), st.sampled_from([DEFAULT, DATA, BARE, BOTH]))
def test_every_pod_has_one_place_and_daemons_stay(pods: list[Pod], policy: DrainPolicy) -> None:
    sorted_out = sort_pods(pods, policy, NOW)
    piles = (sorted_out.evict, sorted_out.skip, sorted_out.terminating, sorted_out.blocked)
    names = [item.pod.name for pile in piles for item in pile]
    assert sorted(names) == sorted(item.name for item in pods), "a pod would have been forgotten or counted twice"
    for item in sorted_out.evict:
        assert not item.pod.mirror
        assert not item.pod.daemon


@given(_pods())
def test_permission_never_blocks_more(pods: list[Pod]) -> None:
    strict = {item.pod.name for item in sort_pods(pods, DEFAULT, NOW).blocked}
    loose = {item.pod.name for item in sort_pods(pods, BOTH, NOW).blocked}
    assert loose <= strict
    assert not loose
