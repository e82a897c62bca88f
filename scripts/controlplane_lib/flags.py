"""The command lines of the components: what makes a control plane run without kubelets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .certs import Pair

SERVICE_RANGE = "10.96.0.0/16"
# The controller manager's default of 20 requests a second would be the pace of everything.
REQUESTS_PER_S = 400


@dataclass(frozen=True)
class Ports:
    """The loopback ports of a plane."""

    etcd: int
    etcd_peer: int
    apiserver: int
    controller_manager: int
    scheduler: int
    kwok: int


@dataclass(frozen=True)
class Layout:
    """The files of a plane under its state folder."""

    home: Path

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.home / "pki"

    @property
    def logs(self) -> Path:
        """One log a component."""
        return self.home / "logs"

    @property
    def state(self) -> Path:
        """What runs: pids, ports, versions."""
        return self.home / "state.json"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.home / "admin.kubeconfig"

    def component_kubeconfig(self, name: str) -> Path:
        """The kubeconfig of one component."""
        return self.home / f"{name}.kubeconfig"


def etcd(layout: Layout, ports: Ports) -> list[str]:
    """The etcd flags; --unsafe-no-fsync, because nothing here is to be kept."""
    client = f"http://127.0.0.1:{ports.etcd}"
    peer = f"http://127.0.0.1:{ports.etcd_peer}"
    return [
        "--name=only",
        f"--data-dir={layout.home / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=only={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def apiserver(layout: Layout, ports: Ports, ca: Pair, server: Pair, accounts: Pair) -> list[str]:
    """The API server's flags. No Service endpoints, no token for each pod: nothing would use them."""
    return [
        "--advertise-address=127.0.0.1",
        "--bind-address=127.0.0.1",
        f"--secure-port={ports.apiserver}",
        f"--etcd-servers=http://127.0.0.1:{ports.etcd}",
        f"--client-ca-file={ca.certificate}",
        f"--tls-cert-file={server.certificate}",
        f"--tls-private-key-file={server.key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={accounts.certificate}",
        f"--service-account-signing-key-file={accounts.key}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=Node,RBAC",
        "--disable-admission-plugins=ServiceAccount",
        # A beta that a later minor takes away: what a chart that uses it looks like can be tried.
        "--runtime-config=storage.k8s.io/v1beta1=true",
        "--endpoint-reconciler-type=none",
        "--allow-privileged=true",
        "--profiling=false",
    ]


def controller_manager(layout: Layout, ports: Ports, ca: Pair, accounts: Pair) -> list[str]:
    """The controller manager's flags.

    The node monitor looks each second (default: 5), so that taints of a node that came back don't
    add up to five seconds of noise to every measured reboot.
    """
    kubeconfig = layout.component_kubeconfig("kube-controller-manager")
    return [
        f"--kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={ports.controller_manager}",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        "--controllers=*,-nodeipam,-route,-service,-cloud-node-lifecycle",
        f"--root-ca-file={ca.certificate}",
        f"--service-account-private-key-file={accounts.key}",
        f"--kube-api-qps={REQUESTS_PER_S}",
        f"--kube-api-burst={REQUESTS_PER_S * 2}",
        "--node-monitor-period=1s",
        "--pvclaimbinder-sync-period=5s",
        "--profiling=false",
    ]


def scheduler(layout: Layout, ports: Ports) -> list[str]:
    """The scheduler's flags; its configuration file only raises its request rate."""
    config = layout.home / "scheduler.config"
    document = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {
            "kubeconfig": str(layout.component_kubeconfig("kube-scheduler")),
            "qps": REQUESTS_PER_S,
            "burst": REQUESTS_PER_S * 2,
        },
        "leaderElection": {"leaderElect": False},
    }
    config.write_text(json.dumps(document, indent=1) + "\n")
    return [
        f"--config={config}",
        "--bind-address=127.0.0.1",
        f"--secure-port={ports.scheduler}",
    ]


def kwok(layout: Layout, ports: Ports) -> list[str]:
    """The kwok flags; its configuration is all stage files in one."""
    config = layout.home / "kwok.config"
    stages = sorted((Path(__file__).parent / "stages").glob("*.yaml"))
    config.write_text("\n---\n".join(stage.read_text() for stage in stages))
    return [
        f"--kubeconfig={layout.component_kubeconfig('kwok')}",
        "--manage-all-nodes",
        "--node-lease-duration-seconds=40",
        f"--config={config}",
        f"--server-address=127.0.0.1:{ports.kwok}",
    ]
