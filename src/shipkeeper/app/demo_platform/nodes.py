"""Nodes with what belongs to each: its lease, its storage drivers, its static pods."""

from __future__ import annotations

from shipkeeper.app.demo_platform.naming import TAKEN_MS, Moment, before, between, stamp, suffix, uid, version
from shipkeeper.app.demo_platform.placing import Machine, booted_ms, joined_ms
from shipkeeper.app.demo_platform.podspec import Json, address
from shipkeeper.app.demo_platform.workloads import meta
from shipkeeper.model.time import DAY

KUBELET = "v1.35.4"
DRIVER = "volume.csi.example.net"
_KERNELS = ("6.12.57+deb13-amd64", "6.12.63+deb13-amd64")
STATIC = (
    ("etcd", "200m", "registry.k8s.io/etcd:3.6.6-0"),
    ("kube-apiserver", "500m", f"registry.k8s.io/kube-apiserver:{KUBELET}"),
    ("kube-controller-manager", "200m", f"registry.k8s.io/kube-controller-manager:{KUBELET}"),
    ("kube-scheduler", "100m", f"registry.k8s.io/kube-scheduler:{KUBELET}"),
)
_LEADERS = (("kube-controller-manager", "z2-cp-1"), ("kube-scheduler", "z2-cp-1"))


def node(machine: Machine) -> Json:
    """One node. Machines that booted long ago still run the older kernel."""
    controller = machine.pool == "cp"
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": machine.name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": f"c{machine.cpu}.m{machine.memory_gib}",
        "topology.kubernetes.io/region": "north",
        "topology.kubernetes.io/zone": machine.zone,
    }
    taints = []
    if controller:
        labels["node-role.kubernetes.io/control-plane"] = ""
        taints.append({"effect": "NoSchedule", "key": "node-role.kubernetes.io/control-plane"})
    else:
        labels |= {"node-role.kubernetes.io/worker": "", "pool": machine.pool}
    if machine.tainted and not controller:
        taints.append({"effect": "NoSchedule", "key": "dedicated", "value": machine.pool})
    made = meta("Node", "", machine.name, joined_ms(machine), labels)
    made["annotations"] = {"node.alpha.kubernetes.io/ttl": "0"}
    spec: Json = {"podCIDR": f"10.60.{machine.number}.0/24", "providerID": f"example:///{machine.zone}/{machine.name}"}
    if taints:
        spec["taints"] = taints
    return {"apiVersion": "v1", "kind": "Node", "metadata": made, "spec": spec, "status": _status(machine)}


def _status(machine: Machine) -> Json:
    booted = booted_ms(machine)
    size = {"cpu": str(machine.cpu), "memory": f"{machine.memory_gib * 1024 * 1024}Ki", "pods": "110"}
    free = {
        "cpu": f"{machine.cpu * 1000 - 200}m",
        "memory": f"{(machine.memory_gib - 1) * 1024 * 1024}Ki",
        "pods": "110",
    }
    healthy = ("MemoryPressure", "DiskPressure", "PIDPressure")
    status: Json = {
        "addresses": [
            {"address": address(machine.number), "type": "InternalIP"},
            {"address": machine.name, "type": "Hostname"},
        ],
        "allocatable": free,
        "capacity": size,
        "conditions": [
            _condition("NetworkUnavailable", "False", "CiliumIsUp", booted + 60_000),
            *(_condition(kind, "False", f"KubeletHasNo{kind}", joined_ms(machine)) for kind in healthy),
            _condition("Ready", "True", "KubeletReady", booted + 75_000),
            _reboot(machine),
        ],
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": uid("boot", machine.name),
            "containerRuntimeVersion": "containerd://2.3.2",
            "kernelVersion": _KERNELS[not _old(machine)],
            "kubeletVersion": KUBELET,
            "operatingSystem": "linux",
            "osImage": "Debian GNU/Linux 13 (trixie)",
        },
    }
    if machine.volumes:
        names = [f"kubernetes.io/csi/{DRIVER}^{name}" for name in sorted(machine.volumes)]
        status["volumesInUse"] = names
        status["volumesAttached"] = [{"devicePath": "", "name": name} for name in names]
    return status


def _old(machine: Machine) -> bool:
    """Whether it has not booted since the newer kernel was installed."""
    return TAKEN_MS - booted_ms(machine) >= 21 * DAY


def _reboot(machine: Machine) -> Json:
    """What the node problem detector's plugin says of ``/run/reboot-required``."""
    if _old(machine):
        return _condition("RebootRequired", "True", "UpdatesInstalled", before(between(2, 16, "updated", machine.name)))
    return _condition("RebootRequired", "False", "NothingWaits", booted_ms(machine) + 75_000)


def _condition(kind: str, status: str, reason: str, since_ms: int) -> Json:
    return {
        "lastHeartbeatTime": stamp(TAKEN_MS - between(5, 240, kind) * 1_000),
        "lastTransitionTime": stamp(since_ms),
        "reason": reason,
        "status": status,
        "type": kind,
    }


def facts(machine: Machine, moment: Moment) -> Json:
    """What ``deploy/facts/node-facts`` prints on it: updates install by themselves but for the batch pool's nodes."""
    batch, waiting = machine.pool == "batch", between(1, 6, "updates", machine.name)
    return {
        "automaticSecurityUpdates": not batch,
        "bootId": uid("boot", machine.name),
        "kernelInstalled": _KERNELS[1],
        "kernelRunning": _KERNELS[not _old(machine)],
        "node": machine.name,
        "os": "debian 13",
        "pendingSecurityUpdates": min(waiting, 2) if batch and not moment.mended else 0,
        "pendingUpdates": waiting,
        "rebootRequired": _old(machine),
        "takenAt": moment.ago(0.004),
    }


def csi_node(machine: Machine) -> Json:
    """The storage drivers on a node."""
    driver = {
        "allocatable": {"count": 24},
        "name": DRIVER,
        "nodeID": machine.name,
        "topologyKeys": ["topology.kubernetes.io/zone"],
    }
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSINode",
        "metadata": meta("CSINode", "", machine.name, joined_ms(machine)),
        "spec": {"drivers": [driver]},
    }


def lease(machine: Machine, moment: Moment) -> Json:
    """The kubelet's heartbeat."""
    renewed = moment.at_ms - between(0, 9, "lease", machine.name) * 1_000
    return _lease("kube-node-lease", machine.name, machine.name, 40, renewed, joined_ms(machine))


def leader_leases(moment: Moment) -> list[Json]:
    """Who leads among the control-plane nodes."""
    found = []
    for name, holder in _LEADERS:
        identity = f"{holder}_{uid('leader', name)}"
        made = _lease("kube-system", name, identity, 15, moment.at_ms - 1_000, TAKEN_MS - 19 * 86_400_000)
        made["spec"]["leaseTransitions"] = 11
        found.append(made)
    return found


def _lease(namespace: str, name: str, holder: str, seconds: int, renewed: int, created: int) -> Json:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": meta("Lease", namespace, name, created),
        "spec": {
            "acquireTime": stamp(created).replace("Z", ".000000Z"),
            "holderIdentity": holder,
            "leaseDurationSeconds": seconds,
            "renewTime": stamp(renewed).replace("Z", ".000000Z"),
        },
    }


def static_pods(machine: Machine) -> list[Json]:
    """Mirror pods of a control-plane node's own components."""
    if machine.pool != "cp":
        return []
    return [_static(machine, *one) for one in STATIC]


def _static(machine: Machine, component: str, cpu: str, image: str) -> Json:
    name = f"{component}-{machine.name}"
    started = booted_ms(machine) + 20_000
    made = meta("Pod", "kube-system", name, started, {"component": component, "tier": "control-plane"})
    mirror = suffix(20, "mirror", name)
    made["annotations"] = {
        "kubernetes.io/config.hash": mirror,
        "kubernetes.io/config.mirror": mirror,
        "kubernetes.io/config.source": "file",
    }
    made["ownerReferences"] = [
        {
            "apiVersion": "v1",
            "controller": True,
            "kind": "Node",
            "name": machine.name,
            "uid": uid("Node", "", machine.name),
        }
    ]
    made["resourceVersion"] = version("Pod", "kube-system", name)
    ready = started + between(9, 26, name) * 1_000
    when = {"Ready": ready, "ContainersReady": ready, "PodScheduled": started, "Initialized": started}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": made,
        "spec": {
            "containers": [
                {"image": image, "name": component, "resources": {"requests": {"cpu": cpu, "memory": "256Mi"}}}
            ],
            "hostNetwork": True,
            "nodeName": machine.name,
            "priority": 2_000_001_000,
            "priorityClassName": "system-node-critical",
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "tolerations": [{"effect": "NoExecute", "operator": "Exists"}],
            "volumes": [{"hostPath": {"path": "/etc/kubernetes", "type": "DirectoryOrCreate"}, "name": "k8s"}],
        },
        "status": {
            "conditions": [
                {"lastTransitionTime": stamp(at), "status": "True", "type": kind} for kind, at in when.items()
            ],
            "phase": "Running",
            "startTime": stamp(started),
        },
    }
