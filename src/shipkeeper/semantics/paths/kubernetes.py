"""What each minor of Kubernetes asks of kubelets, controllers, clients and everything that talks to it.

Source: Kubernetes documentation, "Version Skew Policy". It is the least that must be done: a kubelet that may stay
behind is left behind, and named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from msgspec.structs import replace

from shipkeeper.model.errors import BadInput
from shipkeeper.model.facts import DeprecatedRequest
from shipkeeper.model.hops import (
    ApiRemoval,
    ChartNeed,
    ControlPlaneVersions,
    KubernetesHop,
    KubernetesRange,
    OutOfRange,
    RemovedApi,
    Upgraded,
)
from shipkeeper.model.version import parse_version
from shipkeeper.semantics.constraints import parse_constraint
from shipkeeper.semantics.skew import (
    api_servers_problem,
    controller_problem,
    kubelet_problem,
    minor_of,
    proxy_problem,
)

_WHOLE = re.compile(r"v?(\d+\.\d+(?:\.\d+)?)")

ORDER = (
    "API servers, one at a time: while they differ, nothing may be newer than the oldest of them",
    "kube-controller-manager, kube-scheduler and cloud-controller-manager",
    "kubelets, each node drained first: a minor in place, under running pods, is not supported",
    "kube-proxy, with its node",
)
Use = Mapping[tuple[str, str, str], Sequence[str]]
"""(group, version, kind or resource in lower case) → what was seen to use it."""


def kubernetes_hops(
    stops: Sequence[str],
    now: ControlPlaneVersions,
    *,
    removals: Sequence[ApiRemoval] = (),
    uses: Use | None = None,
    requests: Sequence[DeprecatedRequest] | None = (),
    ranges: Sequence[KubernetesRange] = (),
    charts: Sequence[ChartNeed] = (),
) -> tuple[KubernetesHop, ...]:
    """One record for each minor on the way. ``stops``: the version now, then every stop of the path.

    ``uses`` and ``requests`` are None when nobody looked: that a removed API is not in use is then unknown. Only the
    API server's own count tells so; manifests alone show use, and never that there is none.
    """
    found: list[KubernetesHop] = []
    state = now
    for before, after in pairwise(stops):
        here, there = minor_of(before), minor_of(after)
        if here is None or there is None or here == there:
            continue
        problems = () if found else _problems_now(state)
        first = tuple(_first(before, after, state))
        state = _after(state, first, after)
        out = tuple(filter(None, (_out_of_range(item, there) for item in ranges)))
        out += tuple(filter(None, (_refused(chart, after) for chart in charts)))
        found.append(
            KubernetesHop(
                from_version=before,
                to_version=after,
                first=first,
                order=ORDER,
                kubectl=f"{here[0]}.{there[1] - 1} to {there[0]}.{there[1] + 1}",
                kubelets_may_wait=tuple(node for node, version in state.kubelets if minor_of(version) != there),
                removed=tuple(removed_between(here, there, removals, uses, requests)),
                out_of_range=out,
                problems=problems,
                unknown=now.unknown,
            )
        )
    return tuple(found)


def _problems_now(state: ControlPlaneVersions) -> tuple[str, ...]:
    """What is outside its skew before anything was done."""
    servers = [version for _, version in state.api_servers]
    told = [api_servers_problem(servers)] if servers else ["no API server's version is known"]
    told += [_of(node, kubelet_problem(version, servers)) for node, version in state.kubelets if servers]
    told += [_of(node, controller_problem(version, servers)) for _, node, version in state.controllers if servers]
    return tuple(filter(None, told))


def _of(node: str, problem: str) -> str:
    return f"{node}: {problem}" if node and problem else problem


def _first(before: str, after: str, state: ControlPlaneVersions) -> Iterable[Upgraded]:
    """What would lag too far behind while API servers of both versions run. It is brought to ``before`` first."""
    servers = [before, after]
    for node, version in state.api_servers:
        if _older(version, before):
            yield from _move("kube-apiserver", node, version, before, api_servers_problem([version, after]))
    for component, node, version in state.controllers:
        if _older(version, before):
            yield from _move(component, node, version, before, controller_problem(version, servers))
    kubelets = dict(state.kubelets)
    for node, version in state.kubelets:
        if _older(version, before):
            for move in _move("kubelet", node, version, before, kubelet_problem(version, servers)):
                kubelets[node] = before
                yield move
    for node, version in state.proxies:
        if _older(version, before):
            why = proxy_problem(version, kubelets.get(node, version), servers)
            yield from _move("kube-proxy", node, version, before, why)


def _older(version: str, than: str) -> bool:
    own, other = minor_of(version), minor_of(than)
    return own is not None and other is not None and own < other


def _move(component: str, node: str, version: str, to: str, why: str) -> Iterable[Upgraded]:
    if why:
        yield Upgraded(component=component, node=node, version=version, to=to, why=why)


def _after(state: ControlPlaneVersions, first: Sequence[Upgraded], reached: str) -> ControlPlaneVersions:
    """The versions after the hop: the control plane reached, what had to move first where it was moved to."""
    moved = {(item.component, item.node, item.version): item.to for item in first}
    return replace(
        state,
        api_servers=tuple((node, reached) for node, _ in state.api_servers),
        controllers=tuple((component, node, reached) for component, node, _ in state.controllers),
        kubelets=tuple((node, moved.get(("kubelet", node, version), version)) for node, version in state.kubelets),
        proxies=tuple((node, moved.get(("kube-proxy", node, version), version)) for node, version in state.proxies),
    )


def removed_between(
    before: tuple[int, int],
    after: tuple[int, int],
    removals: Sequence[ApiRemoval],
    uses: Use | None,
    requests: Sequence[DeprecatedRequest] | None,
) -> Iterable[RemovedApi]:
    """APIs that are gone after a step from one minor to another, with what is known of their use."""
    asked: dict[tuple[str, str], list[DeprecatedRequest]] = {}
    for request in requests or ():
        gone = minor_of(request.removed_release)
        if gone is not None and before < gone <= after:
            asked.setdefault((request.group, request.version), []).append(request)
    seen: set[tuple[str, str, str]] = set()
    for removal in removals:
        gone = minor_of(removal.removed_in)
        if gone is None or not before < gone <= after:
            continue
        names = {name.lower() for name in (removal.kind, removal.resource) if name}
        by = [
            f"requests for {r.resource}" for r in asked.get((removal.group, removal.version), ()) if r.resource in names
        ]
        seen |= {(removal.group, removal.version, name) for name in names}
        for name in sorted(names):
            by.extend((uses or {}).get((removal.group, removal.version, name), ()))
        yield RemovedApi(
            api=_api(removal.group, removal.version),
            kind=removal.kind or removal.resource,
            removed_in=removal.removed_in,
            replacement=removal.replacement,
            used="yes" if by else "unknown" if uses is None or requests is None else "no",
            by=tuple(dict.fromkeys(by)),
        )
    for (group, version), found in sorted(asked.items()):
        for request in found:
            if (group, version, request.resource) not in seen:
                yield RemovedApi(
                    api=_api(group, version),
                    kind=request.resource,
                    removed_in=request.removed_release,
                    used="yes",
                    by=(f"requests for {request.resource}",),
                )


def _api(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version


def _out_of_range(item: KubernetesRange, reached: tuple[int, int]) -> OutOfRange | None:
    lowest, highest = minor_of(item.lowest), minor_of(item.highest)
    what, minor = f"{item.component} {item.version}", f"{reached[0]}.{reached[1]}"
    if lowest is None and highest is None:
        text = f"which minors of Kubernetes {what} supports is not known here"
        return OutOfRange(component=item.component, version=item.version, state="unknown", text=text)
    if highest is not None and reached > highest:
        text = f"{what} supports Kubernetes up to {item.highest}, not {minor}: upgrade it before this hop"
        return OutOfRange(component=item.component, version=item.version, state="too-old", text=text)
    if lowest is not None and reached < lowest:
        text = f"{what} needs Kubernetes {item.lowest} or later, not {minor}"
        return OutOfRange(component=item.component, version=item.version, state="too-new", text=text)
    return None


def _refused(chart: ChartNeed, reached: str) -> OutOfRange | None:
    """What a release's chart says of the version reached, by its ``kubeVersion``."""
    whole = _WHOLE.match(reached)
    what = f"the chart {chart.chart} of {chart.release}"
    allowed: bool | None = None
    if whole:
        number = whole[1] if whole[1].count(".") == 2 else f"{whole[1]}.0"
        try:
            allowed = parse_constraint(chart.kube_version).allows(parse_version(number, "helm"))
        except BadInput:
            allowed = None
    if allowed:
        return None
    if allowed is None:
        text = f"whether {what} takes Kubernetes {reached} cannot be told from {chart.kube_version!r}"
    else:
        text = (
            f"{what} asks for Kubernetes {chart.kube_version}, which {reached} is not: helm refuses to upgrade it there"
        )
    return OutOfRange(
        component=chart.release, version=chart.chart, state="unknown" if allowed is None else "too-old", text=text
    )
