"""From a pod spec to a PodShape, and to the key by which equal ones are recognised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from shipkeeper.model.pods import HostPort, NodeTerm, PodShape, PodTerm, SpreadConstraint, Toleration
from shipkeeper.semantics.wire.podspec import (
    WireClaimSource,
    WireContainer,
    WireNodeSelector,
    WirePodAffinity,
    WirePodSpec,
    WireSpread,
    WireToleration,
)
from shipkeeper.semantics.wire.raw import labels_of, requirements_of, selector_of
from shipkeeper.semantics.wire.requests import pod_requests, running_together, without_requests

_DEFAULT_GRACE_S = 30
_LONGEST_GRACE_S = 2**31 - 1
_DEFAULT_SCHEDULER = "default-scheduler"
_NULL = b"null"


def volumes_of(raw: Sequence[Mapping[str, msgspec.Raw]] | None, pod: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Kinds of volume besides claims, and names of the claims mounted, both sorted and without repeats.

    A generic ephemeral volume is both: it dies with the pod, and its claim is named ``<pod>-<volume>``. For a
    template (``pod`` empty) there is no such claim yet.
    """
    kinds: set[str] = set()
    claims: set[str] = set()
    for volume in raw or ():
        for kind, source in volume.items():
            if kind == "name" or bytes(source) == _NULL:
                continue
            if kind == "persistentVolumeClaim":
                claims.add(msgspec.json.decode(source, type=WireClaimSource).claim_name)
                continue
            kinds.add(kind)
            if kind == "ephemeral" and pod and "name" in volume:
                claims.add(f"{pod}-{msgspec.json.decode(volume['name'], type=str)}")
    return tuple(sorted(kinds)), tuple(sorted(claims))


def grace_ms_of(seconds: int) -> int:
    """A grace period in milliseconds, from nothing to 68 years: longer ones mean "for ever" and fit no column."""
    return 1_000 * max(0, min(_LONGEST_GRACE_S, seconds))


def drop_node_pin(spec: WirePodSpec) -> None:
    """Take off the node name that the DaemonSet controller writes into each pod's affinity.

    All pods of a DaemonSet then share one shape; which node a pod belongs to is ``Pod.node``. A term that held
    nothing else allowed every node, so the whole requirement goes.
    """
    selector = _node_terms(spec)
    if selector is None:
        return
    for term in selector.node_selector_terms or ():
        fields = [item for item in term.match_fields or () if item.key != "metadata.name"]
        if term.match_fields and not fields and not term.match_expressions:
            selector.node_selector_terms = None
            return
        term.match_fields = fields or None


def shape_of(
    labels: Mapping[str, str | None] | None,
    annotations: dict[str, str],
    spec: WirePodSpec,
    kinds: tuple[str, ...],
) -> PodShape:
    """Build the shape. Raises BadInput for a quantity that cannot be read."""
    affinity = spec.affinity
    running = running_together(spec)
    terms = _node_terms(spec)
    grace_s = spec.termination_grace_period_seconds
    return PodShape(
        labels=labels_of(labels),
        annotations=annotations,
        requests=pod_requests(spec),
        grace_ms=grace_ms_of(_DEFAULT_GRACE_S if grace_s is None else grace_s),
        priority=spec.priority or 0,
        priority_class=spec.priority_class_name or "",
        preemption=spec.preemption_policy != "Never",
        node_selector=labels_of(spec.node_selector),
        node_terms=_terms_of(terms),
        pod_affinity=_pod_terms(affinity.pod_affinity if affinity else None),
        pod_anti_affinity=_pod_terms(affinity.pod_anti_affinity if affinity else None),
        tolerations=tuple(_toleration(item) for item in spec.tolerations or ()),
        spread=tuple(_spread(item) for item in spec.topology_spread_constraints or ()),
        host_ports=_host_ports(running, bool(spec.host_network)),
        host_network=bool(spec.host_network),
        volumes=kinds,
        images=_images(spec),
        scheduler=spec.scheduler_name or _DEFAULT_SCHEDULER,
        scheduling_gates=tuple(gate.name for gate in spec.scheduling_gates or ()),
        containers=len(running),
        without_requests=without_requests(spec, running),
        has_pre_stop=any(item.lifecycle is not None and item.lifecycle.pre_stop is not None for item in running),
        restart_policy=spec.restart_policy or "Always",
    )


def node_terms_of(selector: WireNodeSelector | None) -> tuple[NodeTerm, ...]:
    """Required node terms, in their own order."""
    return _terms_of(selector)


def _node_terms(spec: WirePodSpec) -> WireNodeSelector | None:
    affinity = spec.affinity
    return affinity.node_affinity.required if affinity and affinity.node_affinity else None


def _terms_of(selector: WireNodeSelector | None) -> tuple[NodeTerm, ...]:
    terms = selector.node_selector_terms or () if selector else ()
    return tuple(NodeTerm(requirements_of(t.match_expressions), requirements_of(t.match_fields)) for t in terms)


def _pod_terms(affinity: WirePodAffinity | None) -> tuple[PodTerm, ...]:
    return tuple(
        PodTerm(
            term.topology_key,
            selector_of(term.label_selector),
            tuple(term.namespaces or ()),
            selector_of(term.namespace_selector),
        )
        for term in (affinity.required or () if affinity else ())
    )


def _toleration(raw: WireToleration) -> Toleration:
    return Toleration(raw.key or "", raw.operator or "Equal", raw.value or "", raw.effect or "", raw.toleration_seconds)


def _spread(raw: WireSpread) -> SpreadConstraint:
    return SpreadConstraint(
        topology_key=raw.topology_key,
        max_skew=raw.max_skew,
        hard=(raw.when_unsatisfiable or "DoNotSchedule") == "DoNotSchedule",
        selector=selector_of(raw.label_selector),
        min_domains=raw.min_domains or 1,
        node_affinity_policy=raw.node_affinity_policy or "Honor",
        node_taints_policy=raw.node_taints_policy or "Ignore",
        match_label_keys=tuple(raw.match_label_keys or ()),
    )


def _host_ports(containers: Sequence[WireContainer], host_network: bool) -> tuple[HostPort, ...]:
    """Ports of the node that are claimed; with the host's network every container port is one."""
    claimed = []
    for container in containers:
        for port in container.ports or ():
            number = port.host_port or (port.container_port if host_network else 0)
            if number:
                claimed.append(HostPort(number, port.protocol or "TCP", port.host_ip or ""))
    return tuple(claimed)


def _images(spec: WirePodSpec) -> tuple[str, ...]:
    """Images of the containers, then of the init containers, without repeats."""
    named = (item.image for item in (*(spec.containers or ()), *(spec.init_containers or ())) if item.image)
    return tuple(dict.fromkeys(named))
