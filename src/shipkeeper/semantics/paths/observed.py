"""What of an inventory an upgrade of Kubernetes asks about."""

from __future__ import annotations

from shipkeeper.model.hops import ChartNeed, ControlPlaneVersions
from shipkeeper.model.inventory import Inventory

_CONTROLLERS = ("kube-controller-manager", "kube-scheduler", "cloud-controller-manager")


def versions_of(inventory: Inventory) -> ControlPlaneVersions:
    """The versions of the control plane and of what hangs on it, and what of them is not told."""
    parts = inventory.control_plane
    servers = tuple((part.node, part.version) for part in parts if part.component == "kube-apiserver" and part.version)
    unknown = [f"control plane: {item.why}" for item in inventory.missing_in("control_plane")]
    if not servers and inventory.identity.server_version:
        servers = (("", inventory.identity.server_version),)
    if not servers:
        unknown.append("no API server's version is told")
    controllers = tuple((p.component, p.node, p.version) for p in parts if p.component in _CONTROLLERS and p.version)
    told = {component for component, _, _ in controllers}
    unknown.extend(
        f"the version of {name} is not told: it does not run as a static pod here"
        for name in _CONTROLLERS[:2]
        if name not in told
    )
    silent = [node.name for node in inventory.nodes if not node.info.kubelet]
    if silent:
        unknown.append(f"the kubelet's version is not told by {', '.join(silent)}")
    proxies = tuple(("", _tag(use.image)) for use in inventory.images if _is_proxy(use.image) and _tag(use.image))
    return ControlPlaneVersions(
        api_servers=servers,
        controllers=controllers,
        kubelets=tuple((node.name, node.info.kubelet) for node in inventory.nodes if node.info.kubelet),
        proxies=proxies,
        unknown=tuple(unknown),
    )


def charts_of(inventory: Inventory) -> tuple[ChartNeed, ...]:
    """Releases whose charts demand something of the cluster's version."""
    return tuple(
        ChartNeed(
            release=f"{release.namespace}/{release.name}",
            chart=f"{release.chart} {release.chart_version}".strip(),
            kube_version=release.kube_version,
        )
        for release in inventory.releases
        if release.kube_version
    )


def _is_proxy(image: str) -> bool:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0] == "kube-proxy"


def _tag(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]
