"""Whether the API server would let replacements in: quotas, and the webhooks and APIs that would leave with a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from shipkeeper.execution.context import Run
from shipkeeper.model.cluster import ApiService, EndpointSlice, Namespace, Quota, Service, Webhook
from shipkeeper.model.pods import Pod
from shipkeeper.ports.gates import GateReading
from shipkeeper.semantics import quotas as rules
from shipkeeper.semantics.placement import labels_by_namespace
from shipkeeper.semantics.webhooks import MILD_GROUPS, answers_for, asked_about, intercepts

# --- quotas --------------------------------------------------------------------------------


async def quota_for_pods(run: Run, pods: Sequence[Pod]) -> GateReading:
    """Whether each of these pods could be made again once it is gone.

    A quota that is full, and not over, only delays a replacement until the old pod's object is gone: it is named in
    the reading, and does not close the gate. Bare and finished pods are not made again.
    """
    coming = {(pod.namespace, id(pod.shape)): pod for pod in pods if not pod.finished and pod.owner is not None}
    late: list[str] = []
    unknown: GateReading | None = None
    quotas = [quota for quota in await run.api.list(Quota) if any(quota.namespace == name for name, _ in coming)]
    for quota in quotas:
        mine = [pod for pod in coming.values() if pod.namespace == quota.namespace]
        for pod in (pod for pod in mine if rules.covers(quota, pod.shape) is not False):
            if entries := rules.over(quota, pod.shape):
                return _quota_over(quota, pod, entries)
            if unknown is None and (entries := rules.untold(quota, pod.shape)):
                unknown = _quota_untold(quota, pod, entries)
            if rules.lacking(quota, quota.used, pod.shape):
                late.append(f"{quota.namespace}/{quota.name}")
    if unknown is not None:
        return unknown
    words = f"{len(quotas)} quotas have room" if quotas else "no quota covers them"
    if late:
        words += f"; full, so that replacements wait until the old pods are gone: {', '.join(sorted(set(late)))}"
    return GateReading("quota-for-pods", "open", words)


def _quota_over(quota: Quota, pod: Pod, entries: Sequence[str]) -> GateReading:
    figures = ", ".join(f"{entry}: {quota.used.get(entry, 0)} of {quota.hard[entry]} used" for entry in entries)
    return GateReading(
        "quota-for-pods",
        "closed",
        f"{quota.namespace}/{quota.name} is over its limit ({figures})",
        reason=f"{pod.namespace}/{pod.name} would not be made again: quota {quota.name} is over its limit ({figures})",
        object=f"ResourceQuota {quota.namespace}/{quota.name}",
        fix=f"raise {', '.join(entries)} in the quota, or scale something of {quota.namespace} in; "
        "or approve, and go without",
    )


def _quota_untold(quota: Quota, pod: Pod, entries: Sequence[str]) -> GateReading:
    return GateReading(
        "quota-for-pods",
        "unknown",
        f"{quota.namespace}/{quota.name} tells no use of {', '.join(entries)}",
        reason=f"how much of quota {quota.namespace}/{quota.name} is used is not known ({', '.join(entries)}), and the "
        f"API server refuses pods such as {pod.namespace}/{pod.name} until it is",
        object=f"ResourceQuota {quota.namespace}/{quota.name}",
        retry=True,
    )


# --- webhooks and aggregated APIs ----------------------------------------------------------


class BackEnds(Struct, frozen=True):
    """Ready back ends of a Service: those that stay, and those that leave with the nodes in hand."""

    staying: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()


class Services:
    """Who answers for a Service, each read once. ``away``: nodes whose pods leave, or have left."""

    def __init__(self, run: Run, away: Sequence[str]) -> None:
        self._run, self._away = run, frozenset(away)
        self._known: dict[tuple[str, str], BackEnds] = {}
        self._pods: dict[str, tuple[Pod, ...]] = {}

    async def back_ends(self, namespace: str, name: str) -> BackEnds:
        """Its back ends; none where there is no such Service."""
        known = self._known.get((namespace, name))
        if known is None:
            service = await self._run.api.get(Service, name, namespace)
            known = self._known[namespace, name] = BackEnds() if service is None else await self._of(service)
        return known

    async def _of(self, service: Service) -> BackEnds:
        if service.type == "ExternalName":
            return BackEnds(staying=("outside the cluster",))
        found: list[tuple[str, bool]] = []
        if service.selector:
            if service.namespace not in self._pods:
                self._pods[service.namespace] = await self._run.api.list(Pod, namespace=service.namespace)
            pods = (pod for pod in self._pods[service.namespace] if answers_for(service, pod))
            found += [(f"{pod.name} on {pod.node}", self._leaves(pod)) for pod in pods]
        else:  # somebody else keeps its addresses
            for part in await self._run.api.list(EndpointSlice, namespace=service.namespace):
                if part.service == service.name:
                    ends = [(pod or "an address", node) for pod, node, ready in part.endpoints if ready]
                    found += [(f"{pod} on {node or 'no node'}", node in self._away) for pod, node in ends]
        return BackEnds(
            staying=tuple(name for name, leaves in found if not leaves),
            leaving=tuple(name for name, leaves in found if leaves),
        )

    def _leaves(self, pod: Pod) -> bool:
        """A pod that a drain leaves alone goes down with the machine."""
        return pod.node in self._away and (self._run.reboots or not (pod.daemon or pod.mirror))


async def webhooks_answer(run: Run, pods: Sequence[Pod], away: Sequence[str]) -> GateReading:
    """Whether every webhook that fails closed, and is asked about moving these pods, keeps somebody who answers."""
    closed = [hook for hook in await run.api.list(Webhook) if hook.fail_closed and hook.service and intercepts(hook)]
    labels: Mapping[str, Mapping[str, str]] = {}
    if any(hook.namespace_selector is not None for hook in closed):
        labels = labels_by_namespace((item.name, item.labels) for item in await run.api.list(Namespace))
    asked: dict[tuple[str, str, tuple[str, str]], set[str]] = {}
    for hook in closed:
        what = asked_about(hook, pods, labels)
        if what and hook.service is not None:
            asked.setdefault((hook.kind, hook.configuration, hook.service), set()).update(what)
    services = Services(run, away)
    for (kind, configuration, service), operations in sorted(asked.items()):
        ends = await services.back_ends(*service)
        if not ends.staying:
            return _webhook_away(f"{kind} {configuration}", service, ", ".join(sorted(operations)), ends)
    words = f"{len(asked)} that fail closed keep a Ready back end" if asked else "none that fails closed is asked"
    return GateReading("webhooks-answer", "open", words)


def _webhook_away(hook: str, service: tuple[str, str], operations: str, ends: BackEnds) -> GateReading:
    place = f"Service {service[0]}/{service[1]}"
    if not ends.leaving:
        return GateReading(
            "webhooks-answer",
            "closed",
            f"{hook}: no Ready back end",
            reason=f"{hook} fails closed and has no Ready back end now ({place}): {operations} are refused already",
            object=hook,
            fix=f"mend {place}, or delete the configuration if its software is gone",
            retry=True,
        )
    return GateReading(
        "webhooks-answer",
        "closed",
        f"{hook}: all back ends leave ({', '.join(ends.leaving)})",
        reason=f"{hook} fails closed, and all its back ends leave with the node ({place}: {', '.join(ends.leaving)}): "
        f"{operations} would be refused until one is back elsewhere",
        object=hook,
        fix="a second replica on another node; or approve, where it comes back by itself: not asked about its own pods",
    )


async def apis_answer(run: Run, away: Sequence[str]) -> GateReading:
    """Whether every aggregated API that is available now keeps somebody who answers.

    APIs of metrics are named, and do not close the gate: their absence costs autoscalers a reading, and nobody a pod.
    """
    services = Services(run, away)
    served = [item for item in await run.api.list(ApiService) if item.service is not None]
    mild: list[str] = []
    for item in served:
        if item.service is None or item.available is False:
            continue
        ends = await services.back_ends(*item.service)
        if ends.staying or not ends.leaving:
            continue
        if item.group in MILD_GROUPS:
            mild.append(item.name)
            continue
        place = f"Service {item.service[0]}/{item.service[1]}: {', '.join(ends.leaving)}"
        return GateReading(
            "apis-answer",
            "closed",
            f"{item.name}: all back ends leave",
            reason=f"all back ends of the aggregated API {item.name} leave with the node ({place}): it answers nobody, "
            "and no namespace can be deleted, until one is back elsewhere",
            object=f"APIService {item.name}",
            fix="a second replica on another node; or approve, and tell those who use that API",
        )
    words = f"{len(served)} keep a Ready back end" if served else "there are none"
    if mild:
        words += f"; away while their back ends move: {', '.join(mild)}"
    return GateReading("apis-answer", "open", words)
