"""The second and third section of readiness: is it sized, and does it have what goes with being live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from shipkeeper.assessment.backups import judge_backups
from shipkeeper.assessment.check.evidence import RULE as EVIDENCE
from shipkeeper.evidence.readiness import Ground, Item, State, named
from shipkeeper.evidence.words import clean
from shipkeeper.model.findings import Finding
from shipkeeper.model.schedule import Task
from shipkeeper.model.words import count
from shipkeeper.model.workloads import Workload

_NO_ROOM = "while a node is out, in a maintenance or by itself, pods wait until it is back"


class Rule(Struct, frozen=True):
    """A need that rules of ``check`` answer: unmet by findings of these rules and severities."""

    id: str
    text: str
    rules: tuple[str, ...]
    consequence: str
    how: str
    severities: tuple[str, ...] = ("error", "warning")


RULES = (
    Rule(
        "replicas", "Two replicas or more of whatever answers requests", ("single-replica", "autoscaler-minimum-one"),
        "it is down while its only pod moves", "replicas: 2 where it can run twice; else tell its users beforehand",
        ("error", "warning"),
    ),
    Rule(
        "requests", "Containers ask for the CPU and memory they need", ("pod-without-requests",),
        "no reckoning of room counts them, and a full node ends them first", "resources.requests in each container",
        ("error", "warning", "info"),
    ),
    Rule(
        "spread", "Replicas are on different nodes", ("replicas-on-one-node",),
        "one node takes all of them with it", "topologySpreadConstraints on kubernetes.io/hostname",
    ),
    Rule(
        "budgets", "Every disruption budget lets a pod go",
        ("budget-blocks-always", "budget-sync-failed", "budget-two-on-pod", "budget-unmanaged-pods",
         "budget-above-autoscaler-minimum"),
        "a drain stops at it for good", "maxUnavailable: 1, or one more replica than it keeps",
        ("error",),
    ),
    Rule(
        "ends", "Pods end within two minutes", ("long-grace-period",),
        "each node that holds such a pod takes that much longer", "end on SIGTERM, then a shorter grace period",
        ("error", "warning", "info"),
    ),
)  # fmt: skip


def sized(ground: Ground) -> Iterator[Item]:
    """A row for each node group and zone, the group label where the platform wants it, and the objectives."""
    for size in ground.sizes:
        what = f"a node of group {size.name}" if size.kind == "group" else f"zone {size.name}"
        load = f"; {size.cpu} % of its CPU and {size.memory} % of its memory are requested"
        yield Item(
            id=f"{size.kind}-{size.name}",
            section="sized",
            text=f"It bears the loss of {what}",
            state=size.state,
            reading=clean(size.reading + load),
            consequence=_NO_ROOM if size.kind == "group" else "with the zone lost, these pods wait until it is back",
            how="add a node of that kind, lower requests, or scale something in",
            **named(size.lost),  # type: ignore[arg-type]
        )
    if not ground.sizes:
        yield Item(
            id="groups", section="sized", text="It bears the loss of a node", state="unknown",
            reading="the source holds no node",
        )  # fmt: skip
    yield _objectives(ground)


def _objectives(ground: Ground) -> Item:
    wanted = ground.objectives
    known = {"RPO": wanted.rpo, "retention": wanted.retention, "RTO": wanted.rto}
    lacking = [name for name, value in known.items() if not value]
    lacking += [name for name, value in {"who decided": wanted.decided_by, "why": wanted.why}.items() if not value]
    said = ", ".join(f"{name} {value}" for name, value in known.items() if value)
    by = f", decided by {wanted.decided_by}" if wanted.decided_by else ""
    return Item(
        id="objectives",
        section="sized",
        text="What a disaster may cost is declared, with who decided it and why",
        state="unmet" if lacking else "ok",
        reading=f"{said or 'nothing is declared'}{by}" + (f"; not declared: {', '.join(lacking)}" if lacking else ""),
        consequence="nobody can say whether a backup is young enough, or a recovery quick enough",
        how="objectives: in the platform file",
        at=wanted.decided_on,
    )


def go_live(ground: Ground) -> Iterator[Item]:
    """What goes with being live: computed where the cluster tells, attested where people must have tried it."""
    for rule in RULES:
        yield _by_rule(ground, rule)
        if rule.id == "spread":
            yield _rolling(ground)
    yield _backups(ground)
    for test in ground.tests:
        yield _attested(ground, test)


def _by_rule(ground: Ground, rule: Rule) -> Item:
    found = [one for one in ground.findings.items if one.rule in rule.rules and one.severity in rule.severities]
    open_ = [one for one in ground.findings.items if one.rule == EVIDENCE.id and set(one.evidence) & set(rule.rules)]
    state: State = "unmet" if found else "unknown" if open_ else "ok"
    reading = "every workload that a drain would move"
    if found:
        reading = f"not so for {count(len(found), 'object')}"
    elif open_:
        reading = "; ".join(f"{one.object.name} {one.message}" for one in open_[:2])
    return Item(
        id=rule.id,
        section="go-live",
        text=rule.text,
        state=state,
        reading=clean(reading),
        consequence=rule.consequence,
        how=rule.how,
        **named(_about(ground, one) for one in found),  # type: ignore[arg-type]
    )


def _about(ground: Ground, finding: Finding) -> str:
    what = finding.object
    place = f"{what.namespace}/{what.name}" if what.namespace else what.name
    return f"{what.kind} {place}: {finding.message}"


def _rolling(ground: Ground) -> Item:
    gaps = [g for g in ground.inventory.cluster_missing if g.what in ("deployments", "statefulsets", "daemonsets")]
    rolling = [w for w in ground.inventory.workloads if w.kind in ("Deployment", "StatefulSet", "DaemonSet")]
    wrong = [f"{w.ref}: {why}" for w in rolling if w.desired and (why := _not_rolling(w))]
    state: State = "unmet" if wrong else "unknown" if gaps else "ok"
    reading = f"not so for {count(len(wrong), 'workload')}" if wrong else f"{count(len(rolling), 'workload')}"
    return Item(
        id="rolling-update",
        section="go-live",
        text="New versions are rolled out without a gap",
        state=state,
        reading=clean("; ".join(f"{g.what}: {g.why}" for g in gaps)) if state == "unknown" else reading,
        consequence="each new version is an outage, or is not rolled out until somebody deletes pods",
        how="strategy: RollingUpdate, with maxUnavailable below the number of replicas",
        **named(wrong),  # type: ignore[arg-type]
    )


def _not_rolling(workload: Workload) -> str:
    if workload.strategy == "Recreate":
        return "Recreate ends every pod before the first new one starts"
    if workload.strategy == "OnDelete":
        return "OnDelete waits until somebody deletes its pods"
    if (
        workload.kind == "Deployment"
        and workload.max_unavailable in ("100%", workload.desired)
        and workload.desired > 1
    ):
        return f"maxUnavailable {workload.max_unavailable} lets all {workload.desired} pods go at once"
    return ""


def _backups(ground: Ground) -> Item:
    verdict = judge_backups(ground.inventory, ground.objectives.rpo, ground.inventory.taken_ms)
    states: dict[str, State] = {"fresh": "ok", "stale": "unmet", "unknown": "unknown"}
    wrong = [
        f"{one.tool} {one.what}: {one.reading}" for one in verdict.standings if one.state not in ("fresh", "unknown")
    ]
    return Item(
        id="backups",
        section="go-live",
        text="Every schedule and database has a backup that is young enough",
        state=states[verdict.state],
        reading=clean(f"not so for {len(wrong)}" if wrong else verdict.reading),
        consequence="what cannot be undone cannot be gone back from",
        how="velero get backup; kubectl get backups.postgresql.cnpg.io -A",
        **named(wrong),  # type: ignore[arg-type]
    )


def _attested(ground: Ground, test: Task) -> Item:
    said = ground.attested.get(test.id)
    consequence = _UNTRIED.get(test.id, "nobody knows what happens")
    if said is None:
        return Item(
            id=test.id, section="go-live", text=f"{test.task} was done, with figures", state="unmet",
            reading="nobody has put one on record", consequence=consequence,
            how=f"shipkeeper attest {test.id} --by NAME",
        )  # fmt: skip
    answers = [f"{question} {said.answers[question]}" for question in test.questions if question in said.answers]
    return Item(
        id=test.id, section="go-live", text=f"{test.task} was done, with figures", state="ok",
        reading=f"on {said.done_on}, attested by {said.by}", by=said.by, at=said.done_on, **named(answers),  # type: ignore[arg-type]
    )  # fmt: skip


_UNTRIED = {
    "load-test": "how it bears a rollout, a reboot or a lost zone under load is found out by its users",
    "recovery-test": "whether it can be recovered, how long that takes and what is lost is found out in the disaster",
    "redeploy-test": "what was once done by hand and is in no repository is missed when it must be built again",
}


def all_items(ground: Ground, normal: Sequence[Item]) -> tuple[Item, ...]:
    """Every section, in order."""
    return (*normal, *sized(ground), *go_live(ground))
