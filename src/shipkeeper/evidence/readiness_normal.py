"""The first section of readiness: does the environment run normally, asked from the machines up."""

from __future__ import annotations

from collections.abc import Iterator

from shipkeeper.assessment.scope import owner_of
from shipkeeper.evidence import boxes_platform
from shipkeeper.evidence.boxes import Answer
from shipkeeper.evidence.readiness import Ground, Item, State, named
from shipkeeper.evidence.words import clean
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.pods import Pod
from shipkeeper.model.time import DAY
from shipkeeper.model.words import count
from shipkeeper.semantics.rollouts import in_flight, short_of

_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
_HOSTS = (
    "on each host: uptime (load); df -h (30 % free); free -m; timedatectl (clock in step); systemctl is-system-running;"
    " dmesg -T | tail"
)
_STATES: dict[str, State] = {
    "done": "ok", "failed": "unmet", "open": "unmet", "unknown": "unknown", "not-applicable": "not-applicable",
}  # fmt: skip


def normal(ground: Ground) -> Iterator[Item]:
    """Every row, the lowest first."""
    yield _machines(ground)
    yield _nodes(ground)
    yield _control_plane(ground)
    yield _storage(ground)
    yield _pods(ground)
    yield _workloads(ground)
    yield from _platform(ground)


def _unread(inventory: Inventory, *resources: str) -> str:
    return clean("; ".join(f"{gap.what}: {gap.why}" for gap in inventory.cluster_missing if gap.what in resources))


def _row(ground: Ground, id: str, text: str, needs: tuple[str, ...], wrong: list[str], well: str, **words: str) -> Item:
    """A row that is met when nothing is wrong, and unknown when something could not be read and nothing is wrong."""
    why = _unread(ground.inventory, *needs)
    state: State = "unmet" if wrong else "unknown" if why else "ok"
    reading = f"{len(wrong)} not" if wrong else f"could not be read: {why}" if why else well
    return Item(id=id, section="normal", text=text, state=state, reading=reading, **words, **named(wrong))  # type: ignore[arg-type]


def _machines(ground: Ground) -> Item:
    wrong = [
        f"{node.name}: {condition.type}"
        for node in ground.inventory.nodes
        for condition in node.conditions
        if condition.type in _PRESSURES and condition.status == "True"
    ]
    well = "no node reports pressure; load, disks, clock and services of the hosts are looked at by hand"
    return _row(
        ground, "machines", "Machines are calm", ("nodes",), wrong, well,
        consequence="such a node evicts pods by itself, and takes none from the nodes that are drained", how=_HOSTS,
    )  # fmt: skip


def _nodes(ground: Ground) -> Item:
    nodes = ground.inventory.nodes
    wrong = [f"{node.name} is not Ready" for node in nodes if not node.ready]
    wrong += [f"{node.name} is cordoned" for node in nodes if node.unschedulable]
    row = _row(
        ground, "nodes", "Nodes are Ready and take pods", ("nodes",), wrong,
        f"{len(nodes)} of {count(len(nodes), 'node')}",
        consequence="their room is not there for others, and a drain of them does not end",
        how=f"{ground.kubectl} get nodes; {ground.kubectl} describe node NAME; at 2 AM add a node, do not replace one",
    )  # fmt: skip
    if nodes or row.state != "ok":
        return row
    return Item(id=row.id, section="normal", text=row.text, state="unknown", reading="the source holds no node")


def _control_plane(ground: Ground) -> Item:
    parts = ground.inventory.control_plane
    wrong = [f"{part.component} on {part.node}" for part in parts if not part.ready]
    row = _row(
        ground, "control-plane", "The control plane is whole", ("pods",), wrong, f"{len(parts)} of {len(parts)} parts",
        consequence="one more failure, or one reboot, stops every change to the cluster",
        how=f"{ground.kubectl} -n kube-system get pods -l tier=control-plane -o wide; etcdctl endpoint health",
    )  # fmt: skip
    if parts or row.state != "ok":
        return row
    reading = "no part of it runs as a pod here: somebody else runs it, or it is part of the node's own software"
    return Item(id=row.id, section="normal", text=row.text, state="not-applicable", reading=reading)


def _storage(ground: Ground) -> Item:
    inventory = ground.inventory
    wrong = [f"{claim.ref} is Lost" for claim in inventory.claims if claim.phase == "Lost"]
    wrong += [f"PersistentVolume {volume.name} is Failed" for volume in inventory.volumes if volume.phase == "Failed"]
    down = [item for item in inventory.attachments if item.deletion_ms and inventory.taken_ms - item.deletion_ms > DAY]
    wrong += [f"VolumeAttachment {item.name} on {item.node} does not go" for item in down]
    row = _row(
        ground, "storage", "Storage is well", ("persistentvolumeclaims", "persistentvolumes"), wrong,
        f"{count(len(inventory.claims), 'claim')}, none lost",
        consequence="pods that need it do not come back on another node",
        how=f"{ground.kubectl} get pvc -A; {ground.kubectl} get volumeattachments",
    )  # fmt: skip
    ceph = next((w.namespace for w in inventory.workloads if w.name.startswith("rook-ceph-") and w.owner is None), "")
    if ceph and row.state == "ok":
        return Item(
            id=row.id, section="normal", text=row.text, state="unknown",
            reading=f"Rook runs in {ceph}, and whether Ceph is HEALTH_OK is not read",
            consequence="with two copies, one node away is all that it bears",
            how=f"{ground.kubectl} -n {ceph} get cephcluster",
        )  # fmt: skip
    return row


def _inside(ground: Ground, namespace: str) -> bool:
    """Whether it is the platform team's: nobody's counts as theirs until somebody claims it."""
    scope = owner_of(ground.platform, namespace)
    return scope is None or scope.inside


def _pods(ground: Ground) -> Item:
    sick = [
        pod for pod in ground.inventory.pods if pod.phase != "Succeeded" and not (pod.ready and pod.phase == "Running")
    ]
    ours = [pod for pod in sick if _inside(ground, pod.namespace)]
    others = [pod for pod in sick if not _inside(ground, pod.namespace)]
    total = sum(pod.phase != "Succeeded" for pod in ground.inventory.pods)
    well = f"{total - len(sick)} of {count(total, 'pod')} running and ready"
    if others:
        shown = ", ".join(_ailing(pod) for pod in others[:3]) + (" and more" if len(others) > 3 else "")
        well += f"; outside the fence, for their owners: {clean(shown)}"
    return _row(
        ground, "pods", "Pods run and are ready", ("pods", "other-namespaces"), [_ailing(pod) for pod in ours], well,
        consequence="what is broken now is taken for the maintenance's fault, and budgets over it allow nothing",
        how=f"{ground.kubectl} describe pod -n NAMESPACE NAME; {ground.kubectl} logs -n NAMESPACE NAME --previous",
    )  # fmt: skip


def _ailing(pod: Pod) -> str:
    why = pod.waiting or ("not ready" if pod.phase == "Running" else pod.phase)
    return f"{pod.namespace}/{pod.name} ({why})"


def _workloads(ground: Ground) -> Item:
    tops = [w for w in ground.inventory.workloads if w.owner is None and _inside(ground, w.namespace)]
    wrong = [f"{w.ref} has {w.ready} of {w.desired} Ready" for w in tops if short_of(w)]
    wrong += [f"{w.ref}: {why}" for w in tops if (why := in_flight(w)) and not short_of(w)]
    kept = [w for w in tops if w.desired]
    return _row(
        ground, "workloads", "Workloads have every pod they want, and no rollout is under way",
        ("deployments", "statefulsets", "daemonsets"), wrong, f"{len(kept)} of {count(len(kept), 'workload')}",
        consequence="it has less to lose than it should when a node goes",
        how=f"{ground.kubectl} rollout status -n NAMESPACE KIND/NAME",
    )  # fmt: skip


def _platform(ground: Ground) -> Iterator[Item]:
    inventory = ground.inventory
    for id, text, answer, consequence, how in (
        (
            "releases", "Helm releases are deployed", boxes_platform.releases_well(inventory),
            "an upgrade of a release that is stuck or failed starts from a state that nobody chose",
            "helm list -A --all",
        ),
        (
            "certificates", "Certificates are issued and renewed",
            boxes_platform.certificates_last(inventory, inventory.taken_ms),
            "what trusts it stops to, in the middle of the night", f"{ground.kubectl} get certificates -A",
        ),
        (
            "delivery", "Flux has delivered what Git says", boxes_platform.flux_well(inventory),
            "a change that waits is applied in the middle of the maintenance, or never", "flux get all -A",
        ),
    ):  # fmt: skip
        yield _answered(id, text, answer, consequence, how)


def _answered(id: str, text: str, answer: Answer, consequence: str, how: str) -> Item:
    state, reading = answer
    return Item(
        id=id, section="normal", text=text, state=_STATES[state], reading=reading, consequence=consequence, how=how
    )
