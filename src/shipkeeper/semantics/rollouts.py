"""Whether a workload is in the middle of a change, and whether it is as well as it should be.

Source: ``kubectl rollout status``; ``pkg/controller/deployment/util/deployment_util.go``.
"""

from __future__ import annotations

from shipkeeper.model.workloads import Workload

ROLLING = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
"""Kinds that roll out changes of their template."""


def in_flight(workload: Workload) -> str:
    """Why a change of the workload is not finished; empty when none is in progress.

    A change counts as in progress while the controller has not seen it, or pods of the old template are left. Pods
    that are merely missing, because they were evicted and are not made again yet, are no change: a controller that
    has rolled out the newest template says so until the next one.
    """
    if workload.kind not in ROLLING:
        return ""
    if workload.observed_generation < workload.generation:
        return "its controller has not yet seen the newest change"
    if workload.strategy == "OnDelete":
        return ""
    old = workload.current - workload.updated
    if workload.rolled_out and old <= 0:
        return ""
    wanted = max(0, workload.desired - workload.partition)
    if workload.updated < wanted:
        return f"{workload.updated} of {wanted} pods run the new template"
    if workload.kind == "Deployment" and old > 0:
        return f"{old} pods of the old template are left"
    if workload.rolled_out is False and not workload.partition and workload.ready < workload.desired:
        return f"{workload.ready} of {workload.desired} pods of the new template are Ready"
    return ""


def short_of(workload: Workload) -> int:
    """How many Ready pods the workload lacks; 0 for kinds that don't keep a number of pods."""
    if workload.kind not in ROLLING | {"ReplicaSet", "ReplicationController"}:
        return 0
    return max(0, workload.desired - workload.ready)
