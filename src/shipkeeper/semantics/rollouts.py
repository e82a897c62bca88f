"""Whether a workload is in the middle of a change, and whether it is as well as it should be.

Source: ``kubectl rollout status``; ``pkg/controller/deployment/util/deployment_util.go``.
"""

from __future__ import annotations

from shipkeeper.model.workloads import Workload

ROLLING = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
"""Kinds that roll out changes of their template."""


def in_flight(workload: Workload) -> str:
    """Why a change of the workload is not finished; empty when none is in progress.

    A change counts as in progress while the controller has not seen it, or pods of the old template are left.
    """
    if workload.kind not in ROLLING:
        return ""
    if workload.observed_generation < workload.generation:
        return "its controller has not yet seen the newest change"
    if workload.strategy == "OnDelete":
        return ""
    if workload.updated < workload.desired:
        return f"{workload.updated} of {workload.desired} pods run the new template"
    if workload.kind == "Deployment" and workload.current > workload.updated:
        return f"{workload.current - workload.updated} pods of the old template are left"
    return ""


def short_of(workload: Workload) -> int:
    """How many Ready pods the workload lacks; 0 for kinds that don't keep a number of pods."""
    if workload.kind not in ROLLING | {"ReplicaSet", "ReplicationController"}:
        return 0
    return max(0, workload.desired - workload.ready)
