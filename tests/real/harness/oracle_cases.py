"""The cases that a control plane and the twin are asked about, with the answers that are known of real ones.

Answers are from ``docs`` of Kubernetes and from what real control planes of 1.34 and 1.36 said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shipkeeper.model.plan import DrainPolicy
from tests.real.harness.oracle import FIRST_NODE, NEVER_READY, NO_SELECTOR, QUICK, SLOW, Case, app, bare, budget
from tests.real.plane import waits
from tests.real.plane.api import Api, Object, is_ready
from tests.real.plane.manifests import LABEL, Times

Answer = tuple[str, int]

# --- T2, T5, T11, T15: evictions -----------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A case, the pods to ask for in this order (numbers of them by name), and what is answered."""

    case: Case
    pods: tuple[int, ...]
    answers: tuple[Answer, ...]
    uid: Callable[[int, str], str] = lambda place, uid: uid
    """The UID to give with the eviction at that place."""


ACCEPTED, SPENT, HOPELESS, GONE, OTHER = (
    ("accepted", 201),
    ("spent", 429),
    ("hopeless", 500),
    ("gone", 404),
    (
        "conflict",
        409,
    ),
)


def _web(case: str, replicas: int, *rules: Object, ready: int | None = None, times: Times = QUICK) -> Case:
    made = (app(case, replicas=replicas, times=times), *rules)
    return Case(case, made, replicas, ready, settles=len(rules) < 2)


def _bares(case: str, count: int, **rule: Any) -> Case:
    return Case(case, (*(bare(case, f"p{i}") for i in range(count)), budget(case, **rule)), count)


def _finish(case: str) -> Callable[[Api], None]:
    def done(api: Api) -> None:
        for pod in api.list("Pod", case):
            status = {"status": {"phase": "Succeeded", "conditions": [{"type": "Ready", "status": "False"}]}}
            api.patch("Pod", pod["metadata"]["name"], status, case, "status")

    return done


def _delete_namespace(case: str) -> Callable[[Api], None]:
    def done(api: Api) -> None:
        api.delete("Namespace", case)
        waits.until(
            lambda: None if api.get("Namespace", case)["status"]["phase"] == "Terminating" else "not yet", 10, case
        )

    return done


def _owner(case: str) -> Object:
    """Something that owns pods, and is no controller with a scale."""
    meta = {"name": "owner", "namespace": case, "labels": {LABEL: "yes"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def _owned_pods(case: str) -> Callable[[Api], None]:
    def made(api: Api) -> None:
        uid = api.get("ConfigMap", "owner", case)["metadata"]["uid"]
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid, "controller": True}
        for name in ("p0", "p1"):
            pod = bare(case, name)
            pod["metadata"]["ownerReferences"] = [owner]
            api.create(pod)

        def failed() -> str | None:
            conditions = (api.get("PodDisruptionBudget", case, case).get("status") or {}).get("conditions") or []
            ready = sum(is_ready(pod) for pod in api.list("Pod", case))
            return None if ready == 2 and any(row["reason"] == "SyncFailed" for row in conditions) else f"{ready} Ready"

        waits.until(failed, 20, "the budget over pods of an owner without scale")

    return made


def _held(case: str) -> Object:
    pod = bare(case, "p0")
    pod["metadata"]["finalizers"] = ["shipkeeper.test/hold"]
    return pod


EVICTIONS = (
    Asked(_web("ev-free", 2), (0, 1), (ACCEPTED, ACCEPTED)),
    Asked(_web("ev-one", 3, budget("ev-one", maxUnavailable=1)), (0, 1), (ACCEPTED, SPENT)),
    Asked(_web("ev-quarter", 4, budget("ev-quarter", maxUnavailable="25%")), (0, 1), (ACCEPTED, SPENT)),
    Asked(_web("ev-half", 7, budget("ev-half", minAvailable="50%")), (0, 1, 2, 3), (ACCEPTED,) * 3 + (SPENT,)),
    Asked(_web("ev-never", 2, budget("ev-never", maxUnavailable=0)), (0,), (SPENT,)),
    Asked(_web("ev-all", 2, budget("ev-all", minAvailable="100%")), (0,), (SPENT,)),
    Asked(
        _web("ev-two", 3, budget("ev-two", maxUnavailable=1), budget("ev-two", "second", maxUnavailable=1)),
        (0,),
        (HOPELESS,),
    ),
    Asked(_web("ev-everything", 2, budget("ev-everything", selector={}, minAvailable=1)), (0, 1), (ACCEPTED, SPENT)),
    Asked(
        _web("ev-nothing", 2, budget("ev-nothing", selector=NO_SELECTOR, minAvailable=1)), (0, 1), (ACCEPTED, ACCEPTED)
    ),
    Asked(
        _web("ev-unready", 1, budget("ev-unready", minAvailable=1), ready=0, times=NEVER_READY), (0,), (SPENT,)
    ),
    Asked(
        _web("ev-unready-max", 1, budget("ev-unready-max", maxUnavailable=1), ready=0, times=NEVER_READY),
        (0,),
        (SPENT,),
    ),
    Asked(
        _web(
            "ev-always",
            1,
            budget("ev-always", minAvailable=1, unhealthyPodEvictionPolicy="AlwaysAllow"),
            ready=0,
            times=NEVER_READY,
        ),
        (0,),
        (ACCEPTED,),
    ),
    Asked(
        Case(
            "ev-enough",
            (
                app("ev-enough", "good", 2, labels={"part": "all"}),
                app("ev-enough", "ill", 1, labels={"part": "all"}, times=NEVER_READY),
                budget("ev-enough", selector={"matchLabels": {"part": "all"}}, minAvailable=2),
            ),
            pods=3,
            ready=2,
        ),
        (2, 0),  # the one that is not Ready first: enough others are
        (ACCEPTED, SPENT),
    ),
    Asked(_bares("ev-bare-max", 3, maxUnavailable=1), (0,), (SPENT,)),
    Asked(_bares("ev-bare-min", 3, minAvailable=2), (0, 1), (ACCEPTED, SPENT)),
    Asked(
        _web("ev-stale", 3, budget("ev-stale", maxUnavailable=1)),
        (0, 0),
        (OTHER, SPENT),  # the budget has paid for the eviction that did not happen
        uid=lambda place, uid: "00000000-0000-0000-0000-000000000000" if place == 0 else uid,
    ),
    Asked(_web("ev-stale-free", 1), (0,), (OTHER,), uid=lambda place, uid: "00000000-0000-0000-0000-000000000000"),
    Asked(
        Case(
            "ev-pending",
            (app("ev-pending", nodeSelector={"nobody": "has"}), budget("ev-pending", maxUnavailable=0)),
            1,
            0,
        ),
        (0,),
        (ACCEPTED,),
    ),
    Asked(
        _web("ev-again", 2, budget("ev-again", maxUnavailable=1), times=SLOW), (0, 0), (ACCEPTED, ACCEPTED)
    ),
    Asked(
        Case(
            "ev-finished",
            (bare("ev-finished", "p0"), budget("ev-finished", maxUnavailable=0)),
            1,
            before=_finish("ev-finished"),
        ),
        (0,),
        (ACCEPTED,),
    ),
    Asked(
        Case(
            "ev-foreign",
            (_owner("ev-foreign"), budget("ev-foreign", maxUnavailable=1)),
            0,
            before=_owned_pods("ev-foreign"),
            settles=False,
        ),
        (0,),
        (SPENT,),  # its owner has no scale, so the budget cannot be computed and allows nothing
    ),
    Asked(
        Case("ev-ending", (_held("ev-ending"),), 1, before=_delete_namespace("ev-ending")),
        (0,),
        (("namespace-terminating", 403),),
    ),
)  # fmt: skip


# --- T3, T4: budget arithmetic -------------------------------------------------------------


@dataclass(frozen=True)
class Aim:
    """Replicas, a rule, and (desired, allowed) while all pods are Ready."""

    replicas: int
    rule: Object
    desired: int
    allowed: int

    @property
    def id(self) -> str:
        (kind, value), *_ = self.rule.items()
        return f"pdb-{self.replicas}-{kind.lower()}-{str(value).replace('%', 'pct')}"

    @property
    def case(self) -> Case:
        return Case(self.id, (app(self.id, replicas=self.replicas), budget(self.id, **self.rule)), self.replicas)


AIMS = (
    Aim(7, {"maxUnavailable": "25%"}, 5, 2),
    Aim(7, {"minAvailable": "50%"}, 4, 3),
    Aim(1, {"maxUnavailable": "25%"}, 0, 1),
    Aim(1, {"minAvailable": 1}, 1, 0),
    Aim(3, {"minAvailable": "34%"}, 2, 1),
    Aim(3, {"maxUnavailable": 0}, 3, 0),
    Aim(2, {"minAvailable": "51%"}, 2, 0),
    Aim(10, {"minAvailable": "100%"}, 10, 0),
    Aim(10, {"maxUnavailable": "100%"}, 0, 10),
    Aim(3, {"minAvailable": 5}, 5, 0),
    Aim(5, {"maxUnavailable": 7}, 0, 5),
)

# --- T1: what a drain touches --------------------------------------------------------------


def _drain_objects() -> tuple[Object, ...]:
    empty = [{"name": "scratch", "emptyDir": {}}]
    mirror = bare("drain", "static", group="drain", nodeName=FIRST_NODE)  # the API server wants its node named
    mirror["metadata"]["annotations"] |= {"kubernetes.io/config.mirror": "x"}
    return (
        app("drain", "plain", 2, group="drain"),
        app("drain", "scratch", 1, group="drain", volumes=empty),
        app("drain", "set", 1, "StatefulSet", group="drain"),
        app("drain", "agent", 1, "DaemonSet", group="drain", volumes=empty),
        bare("drain", "alone", group="drain"),
        bare("drain", "alone-scratch", group="drain", volumes=empty),
        bare("drain", "done", group="drain", volumes=empty),
        mirror,
    )


def _end_one(api: Api) -> None:
    status = {"status": {"phase": "Succeeded", "conditions": [{"type": "Ready", "status": "False"}]}}
    api.patch("Pod", "done", status, "drain", "status")


DRAIN = Case("drain", _drain_objects(), 9, nodes=1, before=_end_one)
POLICIES = {
    "nothing": ((), DrainPolicy()),
    "data": (("--delete-emptydir-data",), DrainPolicy(delete_empty_dir_data=("*",))),
    "bare": (("--force",), DrainPolicy(allow_unmanaged=("*",))),
    "both": (
        ("--delete-emptydir-data", "--force"),
        DrainPolicy(delete_empty_dir_data=("*",), allow_unmanaged=("*",)),
    ),
}
