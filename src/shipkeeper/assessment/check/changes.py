"""Rules about work in hand: Jobs that run, and rollouts that are not finished."""

from __future__ import annotations

from collections.abc import Iterator

from shipkeeper.assessment.check.context import Context
from shipkeeper.assessment.check.registry import DOWNTIME, RISK, check, count, listed, named
from shipkeeper.model.findings import Finding
from shipkeeper.model.pods import Pod
from shipkeeper.model.time import HOUR, format_duration
from shipkeeper.model.workloads import JobFacts, Workload
from shipkeeper.semantics.rollouts import in_flight

_JOBS = "Kubernetes documentation: Jobs, Pod backoff failure policy, Pod failure policy"


def _running_jobs(context: Context) -> Iterator[tuple[Workload, JobFacts, list[Pod]]]:
    for workload in context.inventory.workloads:
        if workload.kind != "Job" or workload.job is None or workload.job.finished or workload.job.suspended:
            continue
        pods = [pod for pod in context.jobs.get(workload.uid, []) if pod.uid in context.movers]
        if pods:
            yield workload, workload.job, pods


def _job_pods(context: Context) -> str:
    pods = [pod for pods in context.jobs.values() for pod in pods if pod.uid in context.movers]
    return f"what becomes of {count(len(pods), 'running Job pod')}" if pods else ""


def _why_it_fails(context: Context, facts: JobFacts, pods: list[Pod]) -> tuple[str, str]:
    """(severity, why) when evicting these pods is more failures than the Job may have; empty when it is not.

    An error when one node's drain is enough for that, a warning when it takes the drains of several.
    """
    if facts.ignores_disruption:
        return "", ""
    if facts.backoff_limit_per_index == 0:
        return "error", "backoffLimitPerIndex is 0"
    left = facts.backoff_limit - facts.failed
    if left <= 0:
        used = f"{facts.failed} of {facts.backoff_limit} retries used"
        return "error", "backoffLimit is 0" if facts.backoff_limit == 0 else used
    together = max(sum(1 for pod in pods if pod.node == name) for name in context.nodes_of(pods))
    if together > left:
        return "error", f"{count(together, 'pod')} of it leave together, {_tries(left)}"
    if len(pods) > left:
        return "warning", f"{count(len(pods), 'pod')} of it leave node after node, {_tries(left)}"
    return "", ""


def _tries(left: int) -> str:
    return f"{left} retr{'y' if left == 1 else 'ies'} left"


@check(
    "job-fails-on-eviction",
    title="Evicting a Job's pod makes the Job fail",
    explanation=(
        "An evicted pod counts as failed. With backoffLimit 0, no retries left, or more pods evicted than retries are "
        "left, the Job itself fails and is not tried again; with backoffLimitPerIndex 0 the pod's index fails, and the "
        "Job once the others are done. A podFailurePolicy that ignores the condition DisruptionTarget prevents that."
    ),
    fix="Let it finish first; for good, a podFailurePolicy with action Ignore on DisruptionTarget.",
    source=_JOBS,
    needs=("pods", "jobs"),
    effect=DOWNTIME,
    touches=_job_pods,
)
def _job_fails(context: Context) -> Iterator[Finding]:
    for workload, facts, pods in _running_jobs(context):
        severity, why = _why_it_fails(context, facts, pods)
        if not severity:
            continue
        ran = max(0, context.now_ms - (facts.started_ms or workload.created_ms))
        index = facts.backoff_limit_per_index == 0
        yield Finding(
            rule="job-fails-on-eviction",
            severity=severity,
            object=named(workload.ref),
            message=f"running for {format_duration(ran)} on {listed(context.nodes_of(pods), 3)}; {why}",
            consequence="its eviction fails its index for good, and with it the Job in the end"
            if index
            else "its eviction fails the Job, and the work is lost"
            if len(pods) == 1
            else "their eviction fails the Job, and the work is lost",
            fix=f"wait for it: kubectl -n {workload.namespace} wait --for=condition=complete job/{workload.name}",
            evidence=(f"{facts.succeeded} succeeded, {facts.failed} failed, {facts.active} active",),
            nodes=context.nodes_of(pods),
        )


@check(
    "job-loses-work",
    title="Evicting a Job's pod loses hours of work",
    explanation="A Job's pod that is evicted starts again from the beginning, unless the program keeps checkpoints.",
    fix="Let it finish first, or suspend it before the window if it can start again.",
    source=_JOBS,
    needs=("pods", "jobs"),
    effect=RISK,
    touches=_job_pods,
)
def _job_loses(context: Context) -> Iterator[Finding]:
    for workload, facts, pods in _running_jobs(context):
        if _why_it_fails(context, facts, pods)[0]:
            continue
        ran = max(0, *(context.now_ms - (pod.scheduled_ms or pod.created_ms) for pod in pods))
        yield Finding(
            rule="job-loses-work",
            severity="warning" if ran >= HOUR else "info",
            object=named(workload.ref),
            message=f"{count(len(pods), 'pod')} at work, the oldest for {format_duration(ran)}",
            consequence="starts again from the beginning after its eviction, unless it keeps checkpoints",
            fix=f"wait for it: kubectl -n {workload.namespace} wait --for=condition=complete job/{workload.name}",
            nodes=context.nodes_of(pods),
        )


@check(
    "rollout-in-flight",
    title="A rollout is not finished",
    explanation=(
        "Pods of the old and the new template run side by side, and some are not Ready yet: that uses up budgets, and "
        "afterwards nobody can tell the rollout's trouble from the maintenance's."
    ),
    fix="Let it finish or undo it before the window.",
    source="Kubernetes documentation: Deployments, Deployment status",
    needs=("deployments", "statefulsets", "daemonsets"),
    effect=RISK,
)
def _in_flight(context: Context) -> Iterator[Finding]:
    for workload in context.inventory.workloads:
        why = in_flight(workload)
        if not why or workload.paused:
            continue
        pods = context.of_top.get(workload.ref, [])
        failing = sorted({pod.waiting for pod in pods if pod.waiting.endswith(("BackOff", "Error", "ImageName"))})
        kind = workload.kind.lower()
        yield Finding(
            rule="rollout-in-flight",
            severity="warning",
            object=named(workload.ref),
            message=("stuck: " if failing else "") + why + (f" ({listed(failing)})" if failing else ""),
            consequence="its budget and its health move while nodes are drained; the run may hold for it",
            fix=f"kubectl -n {workload.namespace} rollout {'undo' if failing else 'status'} {kind}/{workload.name}",
            evidence=(
                f"{workload.desired} desired, {workload.updated} updated, {workload.ready} Ready,"
                f" {workload.current} in all",
            ),
            nodes=context.nodes_of(pods),
        )


@check(
    "rollout-paused",
    title="A rollout is paused",
    explanation=(
        "A paused Deployment keeps its pods of two templates side by side and rolls out nothing. Evicted pods are made "
        "again in proportion; whoever paused it may resume in the middle of the window."
    ),
    fix="Resume it before the window, or agree that it stays paused.",
    source="Kubernetes documentation: Deployments, Pausing and Resuming a rollout",
    needs=("deployments",),
    effect=RISK,
)
def _paused(context: Context) -> Iterator[Finding]:
    for workload in context.inventory.workloads:
        if workload.kind == "Deployment" and workload.paused and workload.desired > 0:
            unfinished = in_flight(workload)
            yield Finding(
                rule="rollout-paused",
                severity="warning" if unfinished else "info",
                object=named(workload.ref),
                message="is paused" + (f" half-way: {unfinished}" if unfinished else ""),
                consequence="whoever resumes it during the window starts a rollout among the drains",
                fix=f"kubectl -n {workload.namespace} rollout resume deployment/{workload.name}, or agree to leave it",
                nodes=context.nodes_of(context.of_top.get(workload.ref, [])),
            )


CHECKS = (_job_fails, _job_loses, _in_flight, _paused)
