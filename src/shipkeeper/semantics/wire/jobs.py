"""Jobs and CronJobs."""

from __future__ import annotations

from msgspec import structs

from shipkeeper.model.workloads import JobFacts, Workload
from shipkeeper.semantics.wire.nodes import WireCondition
from shipkeeper.semantics.wire.pods import WireTemplate, template_shape
from shipkeeper.semantics.wire.raw import Present, Time, Wire, WireMeta, WireSelector, ms, selector_of
from shipkeeper.semantics.wire.reader import Reader
from shipkeeper.semantics.wire.workloads import workload_of

_DEFAULT_BACKOFF_LIMIT = 6


class WirePattern(Wire):
    """onPodConditions[] of a pod failure rule."""

    type: str
    status: str | None = None


class WireFailureRule(Wire):
    """podFailurePolicy.rules[]."""

    action: str
    on_pod_conditions: list[WirePattern] | None = None


class WireFailurePolicy(Wire):
    """podFailurePolicy."""

    rules: list[WireFailureRule] | None = None


class WireJobSpec(Wire):
    """spec of a Job."""

    parallelism: int | None = None
    completions: int | None = None
    backoff_limit: int | None = None
    backoff_limit_per_index: int | None = None
    suspend: bool | None = None
    selector: WireSelector | None = None
    template: WireTemplate | None = None
    pod_failure_policy: WireFailurePolicy | None = None
    pod_replacement_policy: str | None = None


class WireJobStatus(Wire):
    """status of a Job."""

    active: int | None = None
    ready: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    start_time: Time | None = None
    conditions: list[WireCondition] | None = None


class WireJob(Wire):
    """A Job."""

    metadata: WireMeta
    spec: WireJobSpec | None = None
    status: WireJobStatus | None = None


class WireJobTemplate(Wire):
    """jobTemplate of a CronJob."""

    spec: WireJobSpec | None = None


class WireCronJobSpec(Wire):
    """spec of a CronJob."""

    suspend: bool | None = None
    job_template: WireJobTemplate | None = None


class WireCronJobStatus(Wire):
    """status of a CronJob."""

    active: list[Present] | None = None


class WireCronJob(Wire):
    """A CronJob."""

    metadata: WireMeta
    spec: WireCronJobSpec | None = None
    status: WireCronJobStatus | None = None


def _job(wire: WireJob) -> tuple[Workload]:
    spec = wire.spec or WireJobSpec()
    status = wire.status or WireJobStatus()
    facts = _facts(spec, status)
    return (
        structs.replace(
            workload_of("Job", wire.metadata),
            selector=selector_of(spec.selector),
            template=template_shape(spec.template),
            desired=_wanted(facts),
            current=facts.active,
            ready=status.ready or 0,
            paused=facts.suspended,
            job=facts,
        ),
    )


def _facts(spec: WireJobSpec, status: WireJobStatus) -> JobFacts:
    default_replacement = "Failed" if spec.pod_failure_policy else "TerminatingOrFailed"
    return JobFacts(
        parallelism=1 if spec.parallelism is None else spec.parallelism,
        # Neither given means one of each; parallelism alone means a work queue without a count.
        completions=1 if spec.completions is None and spec.parallelism is None else spec.completions,
        backoff_limit=_DEFAULT_BACKOFF_LIMIT if spec.backoff_limit is None else spec.backoff_limit,
        backoff_limit_per_index=spec.backoff_limit_per_index,
        active=status.active or 0,
        succeeded=status.succeeded or 0,
        failed=status.failed or 0,
        ignores_disruption=_ignores_disruption(spec.pod_failure_policy),
        replacement_policy=spec.pod_replacement_policy or default_replacement,
        started_ms=ms(status.start_time),
        finished=next(
            (c.type for c in status.conditions or () if c.type in ("Complete", "Failed") and c.status == "True"), ""
        ),
        suspended=bool(spec.suspend),
    )


def _ignores_disruption(policy: WireFailurePolicy | None) -> bool:
    """Whether the first rule that speaks of DisruptionTarget says Ignore; rules apply in order."""
    for rule in policy.rules or () if policy else ():
        if any(p.type == "DisruptionTarget" and (p.status or "True") == "True" for p in rule.on_pod_conditions or ()):
            return rule.action == "Ignore"
    return False


def _wanted(job: JobFacts) -> int:
    """Pods the Job wants running now. A work queue starts no more pods once one has succeeded."""
    if job.finished or job.suspended:
        return 0
    if job.completions is None:
        return job.active if job.succeeded else job.parallelism
    return max(0, min(job.parallelism, job.completions - job.succeeded))


def _cron_job(wire: WireCronJob) -> tuple[Workload]:
    spec = wire.spec or WireCronJobSpec()
    job = (spec.job_template.spec if spec.job_template else None) or WireJobSpec()
    return (
        structs.replace(
            workload_of("CronJob", wire.metadata),
            template=template_shape(job.template),
            current=len(wire.status.active or ()) if wire.status else 0,
            paused=bool(spec.suspend),
        ),
    )


JOBS: Reader[Workload] = Reader("jobs", "Job", "/apis/batch/v1", Workload, WireJob, _job)
CRON_JOBS: Reader[Workload] = Reader("cronjobs", "CronJob", "/apis/batch/v1", Workload, WireCronJob, _cron_job)
