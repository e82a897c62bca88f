"""Kinds whose objects mean that other software maintains nodes here."""

from __future__ import annotations

DRAINER_KINDS: dict[tuple[str, str], str] = {
    ("cluster.x-k8s.io", "machinedeployments"): "MachineDeployment",
    ("cluster.x-k8s.io", "machinepools"): "MachinePool",
    ("cluster.x-k8s.io", "machines"): "Machine",
    ("cluster.x-k8s.io", "machinesets"): "MachineSet",
    ("karpenter.sh", "nodeclaims"): "NodeClaim",
    ("karpenter.sh", "nodepools"): "NodePool",
    ("karpenter.sh", "provisioners"): "Provisioner",
    ("machine.openshift.io", "machines"): "Machine",
    ("machine.openshift.io", "machinesets"): "MachineSet",
    ("machineconfiguration.openshift.io", "machineconfigpools"): "MachineConfigPool",
    ("nodemaintenance.medik8s.io", "nodemaintenances"): "NodeMaintenance",
    ("upgrade.cattle.io", "plans"): "Plan",
}
"""By (API group, plural name). Only whether there are any is of interest; the objects are not read."""


def runs_kured(kind: str, name: str) -> bool:
    """Whether a workload is kured, which has no API objects of its own."""
    return kind == "DaemonSet" and "kured" in name.split("-")
