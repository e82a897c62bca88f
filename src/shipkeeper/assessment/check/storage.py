"""Rules about volumes: what cannot follow its pod, and what takes time to."""

from __future__ import annotations

from collections.abc import Iterator

from shipkeeper.assessment.check import trial
from shipkeeper.assessment.check.context import Context
from shipkeeper.assessment.check.registry import BLOCKS, DOWNTIME, RISK, check, count, listed, named
from shipkeeper.assessment.check.trial import Homeless
from shipkeeper.model.findings import Finding
from shipkeeper.model.pods import Pod
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.time import MINUTE, format_duration
from shipkeeper.semantics.volumes import reach, single_node_claims

_SOURCE = "Kubernetes documentation: Persistent Volumes; Storage Classes, Volume Binding Mode"
_STALE_MS = 6 * MINUTE
"""How long the attach/detach controller waits before it detaches by force."""


def _with_claims(context: Context) -> list[Pod]:
    return [pod for pod in context.live if pod.claims and pod.uid in context.movers]


def _touched(context: Context) -> str:
    pods = _with_claims(context)
    return f"where {count(len(pods), 'pod')} with volumes may go" if pods else ""


def _attached(context: Context) -> str:
    pods = _with_claims(context)
    return f"whether volumes of {count(len(pods), 'pod')} detach before a reboot" if pods else ""


def _reaching(context: Context, wanted: str) -> Iterator[tuple[ObjectRef, list[Pod], list[str]]]:
    groups: dict[ObjectRef, tuple[list[Pod], list[str]]] = {}
    for pod in _with_claims(context):
        for name in pod.claims:
            volume = context.storage.volume_of(pod.namespace, name)
            if volume is not None and reach(volume) == wanted:
                pods, claims = groups.setdefault(context.top_of(pod) or pod.ref, ([], []))
                claims.append(f"{name} ({volume.source or volume.driver or 'volume'} {volume.name}) on {pod.node}")
                if pod not in pods:
                    pods.append(pod)
    for top, (pods, claims) in sorted(groups.items()):
        yield top, pods, claims


@check(
    "volume-local",
    title="A volume exists on one machine only",
    explanation=(
        "The pod can run nowhere else, so it is Pending from its eviction until the node is uncordoned: its downtime "
        "is the node's, reboot included. If the machine does not come back, neither does the data."
    ),
    fix="Replicas with their own volumes on other nodes, a fresh backup, and words to its users.",
    source=_SOURCE + "; Volumes, local",
    needs=("pods", "persistentvolumeclaims", "persistentvolumes"),
    effect=DOWNTIME,
    touches=_touched,
)
def _local(context: Context) -> Iterator[Finding]:
    for top, pods, claims in _reaching(context, "node"):
        others = [pod for pod in context.of_top.get(top, []) if pod.ready and pod not in pods]
        alone = not others and len({pod.node for pod in pods}) == 1
        yield Finding(
            rule="volume-local",
            severity="warning",
            object=named(top),
            message=f"{count(len(pods), 'pod')} on {listed(context.nodes_of(pods), 3)} with data on that machine only",
            consequence=("no Ready pod" if alone else "a replica less")
            + f" from the drain until the node is back, about {format_duration(context.settings.reboot_ms)} and more",
            fix="see that its backup is fresh, and announce the gap"
            if alone
            else "see that the other replicas are in sync",
            evidence=tuple(claims[:10]),
            nodes=context.nodes_of(pods),
        )


@check(
    "volume-zonal",
    title="A volume is confined to a zone",
    explanation=(
        "The pod may move within its zone only. While it does, the zone needs room for it on another node; with the "
        "zone's only node out, the pod is Pending until that is back."
    ),
    fix="Room for it on a second node of the zone.",
    source=_SOURCE + "; Running in multiple zones",
    needs=("nodes", "pods", "persistentvolumeclaims", "persistentvolumes"),
    effect=DOWNTIME,
    touches=_touched,
)
def _zonal(context: Context) -> Iterator[Finding]:
    stranded: dict[ObjectRef, list[Homeless]] = {}
    for one in context.homeless:
        if one.cause == trial.VOLUME:
            stranded.setdefault(one.top, []).append(one)
    for top, pods, claims in _reaching(context, "zone"):
        items = stranded.get(top, [])
        yield Finding(
            rule="volume-zonal",
            severity="warning" if items else "info",
            object=named(top),
            message=f"{count(len(pods), 'pod')} with volumes confined to a zone"
            + (f"; no other node can mount that of {listed([one.node for one in items], 3)}" if items else ""),
            consequence=trial.while_out(context, items) if items else "moves within its zone only",
            fix="a second node in that zone for the window" if items else "keep room for it in its zone",
            evidence=(*(one.why() for one in items[:3]), *claims[:10]),
            nodes=tuple(one.node for one in items) or context.nodes_of(pods),
        )


@check(
    "volume-handover",
    title="A rolling Deployment mounts a volume that one node at a time may attach",
    explanation=(
        "The replacement starts on another node while the old pod still holds the volume: it waits, with Multi-Attach "
        "errors, until the old pod has ended and the volume is detached, which is forced only after six minutes."
    ),
    fix="strategy: Recreate, or a StatefulSet; both wait for the old pod by design.",
    source=_SOURCE + ", Access Modes; attach/detach controller",
    needs=("pods", "persistentvolumeclaims", "deployments"),
    effect=DOWNTIME,
    touches=_touched,
)
def _handover(context: Context) -> Iterator[Finding]:
    groups: dict[ObjectRef, list[Pod]] = {}
    for pod in _with_claims(context):
        top = context.top_of(pod)
        workload = context.workload(top) if top is not None else None
        if top is None or workload is None or workload.kind != "Deployment" or workload.strategy == "Recreate":
            continue
        if single_node_claims(pod, context.storage):
            groups.setdefault(top, []).append(pod)
    for top, pods in sorted(groups.items()):
        grace = max(pod.shape.grace_ms for pod in pods)
        claims = sorted({name for pod in pods for name in single_node_claims(pod, context.storage)})
        yield Finding(
            rule="volume-handover",
            severity="warning" if len(context.of_top[top]) == 1 else "info",
            object=named(top),
            message=f"mounts {listed(claims, 3)} (ReadWriteOnce) and is replaced before its old pod has ended",
            consequence=(
                f"the replacement waits for the old pod (up to {format_duration(grace)}) and for the detach;"
                " six minutes where that is not confirmed"
            ),
            fix="strategy Recreate, or a StatefulSet; plan the gap",
            nodes=context.nodes_of(pods),
        )


@check(
    "claim-unbound",
    title="A pod waits for a volume claim",
    explanation="A claim it mounts is not bound, or does not exist: the pod does not start, here or elsewhere.",
    fix="kubectl describe the claim: its events name the reason.",
    source=_SOURCE,
    needs=("pods", "persistentvolumeclaims"),
    effect=RISK,
    touches=_touched,
)
def _unbound(context: Context) -> Iterator[Finding]:
    if context.missing("persistentvolumeclaims"):
        return
    groups: dict[tuple[str, str], list[Pod]] = {}
    for pod in context.live:
        for name in pod.claims:
            claim = context.storage.claim(pod.namespace, name)
            if (claim is None or claim.phase != "Bound") and not (claim is None and pod.ready):
                groups.setdefault((pod.namespace, name), []).append(pod)
    for (namespace, name), pods in sorted(groups.items()):
        claim = context.storage.claim(namespace, name)
        state = "does not exist" if claim is None else f"is {claim.phase or 'not bound'}"
        yield Finding(
            rule="claim-unbound",
            severity="warning",
            object=named(ObjectRef("PersistentVolumeClaim", namespace, name)),
            message=f"{state}; {listed([pod.name for pod in pods], 3)} mounts it",
            consequence="the pod does not start again after a move",
            fix=f"kubectl -n {namespace} describe pvc {name}",
            nodes=context.nodes_of(pods),
        )


@check(
    "volume-detaching",
    title="A volume does not detach",
    explanation=(
        "A VolumeAttachment of the node is being deleted and still there. A reboot waits for every attachment of the "
        "node to go; otherwise the volume is held for six minutes before another node gets it."
    ),
    fix="Look at the CSI driver's attacher, and at who still mounts the volume.",
    source="Kubernetes documentation: VolumeAttachment; Non-graceful node shutdown",
    needs=("volumeattachments",),
    effect=BLOCKS,
    touches=_attached,
)
def _detaching(context: Context) -> Iterator[Finding]:
    for attachment in context.inventory.attachments:
        if attachment.node not in context.selected or attachment.deletion_ms is None:
            continue
        since = context.now_ms - attachment.deletion_ms
        if since > _STALE_MS:
            yield Finding(
                rule="volume-detaching",
                severity="error",
                object=named(ObjectRef("VolumeAttachment", "", attachment.name)),
                message=f"{attachment.volume} has been detaching from {attachment.node} for {format_duration(since)}",
                consequence=f"the reboot of {attachment.node} waits for it and then holds",
                fix=f"kubectl get volumeattachment {attachment.name} -o yaml, status.detachError; the attacher's log",
                nodes=(attachment.node,),
            )


CHECKS = (_local, _zonal, _handover, _unbound, _detaching)
