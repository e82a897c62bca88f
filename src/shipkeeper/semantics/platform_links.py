"""What follows from several kinds read together: who runs a release, releases without a record, declared images."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from msgspec.structs import replace

from shipkeeper.model.facts import ControlPlaneComponent
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.releases import FluxObject, Release
from shipkeeper.model.table import PodTable
from shipkeeper.model.workloads import Workload
from shipkeeper.semantics.control_plane import component_of
from shipkeeper.semantics.hosts import facts_of_nodes
from shipkeeper.semantics.wire.images import with_declared
from shipkeeper.semantics.wire.platform.parts import image_version

_RELEASE = ("meta.helm.sh/release-namespace", "meta.helm.sh/release-name")
_FLUX = ("helm.toolkit.fluxcd.io/namespace", "helm.toolkit.fluxcd.io/name")
_CHART = re.compile(r"(.+?)-(v?\d+\.\d+(?:\.\d+)?(?:[-+_].*)?)")


def linked(inventory: Inventory) -> Inventory:
    """The inventory with all that follows from reading its kinds together."""
    declared = (
        (image, item.namespace)
        for item in inventory.workloads
        if item.owner is None and item.template is not None
        for image in item.template.images
    )
    return replace(
        inventory,
        releases=_releases(inventory),
        images=with_declared(inventory.images, declared),
        control_plane=control_plane(inventory.pods),
        node_facts=facts_of_nodes(inventory.nodes, inventory.node_facts),
    )


def control_plane(pods: PodTable) -> tuple[ControlPlaneComponent, ...]:
    """Parts of the control plane that run as static pods, by component and node."""
    found = []
    for row in np.flatnonzero(pods.columns["mirror"]).tolist():
        pod = pods.row(row)
        component = component_of(pod)
        if component and pod.shape.images:
            image = pod.shape.images[0]
            found.append(
                ControlPlaneComponent(
                    component, pod.node, image_version(image), image, pod.namespace, pod.name, pod.ready
                )
            )
    return tuple(sorted(found, key=lambda item: (item.component, item.node, item.pod)))


def _releases(inventory: Inventory) -> tuple[Release, ...]:
    """Every release with its owner; those without a readable record by what Flux or labels tell of them."""
    by_flux = {
        (item.storage_namespace, item.release_name): item
        for item in inventory.flux
        if item.kind == "HelmRelease" and item.release_name
    }
    labelled = _labelled(inventory.workloads)
    known = {(item.storage_namespace or item.namespace, item.name): item for item in inventory.releases}
    if inventory.missing_in("releases"):
        for place, owner in by_flux.items():
            if place not in known and (owner.release_status or owner.last_applied):
                known[place] = _from_flux(owner)
    names = {(item.namespace, item.name) for item in known.values()}
    for place, workloads in labelled.items():
        if place not in names:
            known[place] = _from_labels(place, workloads)
    owned = []
    for (namespace, name), release in known.items():
        flux = by_flux.get((namespace, name))
        hint = f"{flux.namespace}/{flux.name}" if flux else _flux_label(labelled.get((release.namespace, name), ()))
        owned.append(replace(release, owner=release.owner or hint))
    return tuple(sorted(owned, key=lambda item: (item.namespace, item.name, item.storage_namespace)))


def _from_flux(owner: FluxObject) -> Release:
    """A release by the status of its HelmRelease."""
    status = owner.release_status or ("deployed" if owner.ready == "True" else "unknown")
    return Release(
        namespace=owner.target_namespace or owner.namespace,
        name=owner.release_name,
        revision=owner.release_revision,
        status=status,
        chart=owner.chart.rpartition("/")[2],
        chart_version=owner.last_applied,
        app_version=owner.app_version,
        storage="flux-status",
        storage_namespace=owner.storage_namespace,
        owner=f"{owner.namespace}/{owner.name}",
    )


def _labelled(workloads: Iterable[Workload]) -> dict[tuple[str, str], list[Workload]]:
    """Workloads by the release that Helm itself wrote onto them."""
    found: dict[tuple[str, str], list[Workload]] = {}
    for item in workloads:
        namespace, name = (item.annotations.get(key, "") for key in _RELEASE)
        if namespace and name and item.owner is None:
            found.setdefault((namespace, name), []).append(item)
    return found


def _from_labels(place: tuple[str, str], workloads: list[Workload]) -> Release:
    """A release by its workloads' labels; where parts of the chart name several charts, none is chosen."""
    charts = {match.groups() for item in workloads if (match := _chart(item))}
    chart, version = charts.pop() if len(charts) == 1 else ("", "")
    apps = {item.labels.get("app.kubernetes.io/version", "") for item in workloads}
    return Release(
        namespace=place[0],
        name=place[1],
        revision=0,
        chart=chart,
        chart_version=version.replace("_", "+"),
        app_version=apps.pop() if chart and len(apps) == 1 else "",
        storage="labels-only",
    )


def _chart(item: Workload) -> re.Match[str] | None:
    return _CHART.fullmatch(item.labels.get("helm.sh/chart", ""))


def _flux_label(workloads: Iterable[Workload]) -> str:
    for item in workloads:
        namespace, name = (item.labels.get(key, "") for key in _FLUX)
        if namespace and name:
            return f"{namespace}/{name}"
    return ""
