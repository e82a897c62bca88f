"""Nodes for a plane: kwok's, in zones, with capacity, a boot id and a CSI driver."""

from __future__ import annotations

import ssl
import uuid
from pathlib import Path
from typing import Any

from . import certs, http
from .errors import PlaneError
from .flags import Layout
from .plane import read_state

ZONES = ("z1", "z2", "z3")
DRIVER = "disk.csi.shipkeeper.test"
ZONE_LABEL = "topology.kubernetes.io/zone"


def name_of(index: int, zones: tuple[str, ...] = ZONES) -> str:
    """The name of the node number `index` (from 0): nodes go round the zones."""
    return f"{zones[index % len(zones)]}-worker-{index // len(zones) + 1}"


def node(
    index: int,
    version: str,
    zones: tuple[str, ...] = ZONES,
    cpu: str = "8",
    memory: str = "32Gi",
    pods: str = "110",
    labels: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The manifest of one node; the API server keeps the status of a node that is created."""
    name, zone = name_of(index, zones), zones[index % len(zones)]
    resources = {"cpu": cpu, "memory": memory, "ephemeral-storage": "100Gi", "pods": pods}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node-role.kubernetes.io/worker": "",
                ZONE_LABEL: zone,
                "topology.kubernetes.io/region": "region-1",
                **(labels or {}),
            },
            "annotations": {
                # Without it the controller manager makes no VolumeAttachments for the node.
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
        },
        "spec": {
            "podCIDR": f"10.244.{index}.0/24",
            "podCIDRs": [f"10.244.{index}.0/24"],
            "providerID": f"kwok://{zone}/{name}",
        },
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "addresses": [
                {"type": "InternalIP", "address": f"10.0.{index // 250}.{index % 250 + 1}"},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": str(uuid.uuid4()),
                "containerRuntimeVersion": "containerd://2.1.4",
                "kernelVersion": "6.1.0-30-amd64",
                "kubeProxyVersion": version,
                "kubeletVersion": version,
                "machineID": uuid.uuid4().hex,
                "operatingSystem": "linux",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
                "systemUUID": str(uuid.uuid4()),
            },
        },
    }


def csi_node(index: int, zones: tuple[str, ...] = ZONES, volumes: int = 25) -> dict[str, Any]:
    """The CSINode of a node: one driver, zonal, with a limit of volumes."""
    name = name_of(index, zones)
    driver = {
        "name": DRIVER,
        "nodeID": name,
        "topologyKeys": [ZONE_LABEL],
        "allocatable": {"count": volumes},
    }
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSINode",
        "metadata": {"name": name},
        "spec": {"drivers": [driver]},
    }


def _create(port: int, tls: ssl.SSLContext, path: str, body: dict[str, Any]) -> None:
    status, answer = http.call(port, path, tls, "POST", body)
    if status not in (200, 201, 409):
        raise PlaneError(f"{path}: {status} {answer[:300].decode(errors='replace')}")


def add(home: Path, count: int) -> None:
    """Create `count` nodes with their CSINodes; those that exist stay as they are."""
    state = read_state(home)
    if state is None:
        raise PlaneError(f"no plane in {home}: start one first")
    layout = Layout(home)
    tls = http.context(layout.pki / "ca.crt", certs.pair(layout.pki, "admin"))
    port = state["ports"]["apiserver"]
    for index in range(count):
        _create(port, tls, "/api/v1/nodes", node(index, state["version"]))
        _create(port, tls, "/apis/storage.k8s.io/v1/csinodes", csi_node(index))
