"""Start, stop and look at one plane; its state lies in one folder."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import cache, certs, flags, http, processes, sources
from .certs import Pair
from .errors import PlaneError
from .flags import Layout, Ports
from .versions import KUBERNETES

# Component -> user and groups of its client certificate.
IDENTITIES = {
    "admin": ("kubernetes-admin", ["system:masters"]),
    "kube-controller-manager": ("system:kube-controller-manager", []),
    "kube-scheduler": ("system:kube-scheduler", []),
    "kwok": ("kwok", ["system:masters"]),
}


def default_home(minor: str) -> Path:
    """The state folder when none is named."""
    return cache.root() / "planes" / minor


def read_state(home: Path) -> dict[str, Any] | None:
    """The state of a plane, or None when there is none in this folder."""
    path = Layout(home).state
    try:
        loaded: dict[str, Any] = json.loads(path.read_text())
        if not {"processes", "ready"} <= loaded.keys():
            raise ValueError("it names no processes")
    except FileNotFoundError:
        return None
    except (ValueError, AttributeError) as error:
        raise PlaneError(
            f"{path} is not a plane's state: {error}. What it started may still run: "
            f"look with `pgrep -af {home}`, then remove the folder"
        ) from error
    return loaded


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Keep a second start or stop in this folder out until the first has ended."""
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    with (home / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def running(state: dict[str, Any]) -> list[str]:
    """The names of a plane's components that still run."""
    return [record["name"] for record in state["processes"] if processes.is_ours(record)]


def write_kubeconfig(path: Path, port: int, ca: Pair, client: Pair, user: str) -> None:
    """Write a kubeconfig with its certificates inside it, as JSON (which is YAML)."""

    def inline(file: Path) -> str:
        return base64.b64encode(file.read_bytes()).decode()

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "plane",
                "cluster": {
                    "server": f"https://127.0.0.1:{port}",
                    "certificate-authority-data": inline(ca.certificate),
                },
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": inline(client.certificate),
                    "client-key-data": inline(client.key),
                },
            }
        ],
        "contexts": [{"name": "plane", "context": {"cluster": "plane", "user": user}}],
        "current-context": "plane",
    }
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(json.dumps(document, indent=1) + "\n")


def add_user(home: Path, name: str, groups: list[str], out: Path) -> None:
    """Mint a client certificate for an RBAC user and write its kubeconfig."""
    state = read_state(home)
    if state is None:
        raise PlaneError(f"no plane in {home}: start one first")
    layout = Layout(home)
    folder = layout.pki / "users"
    folder.mkdir(exist_ok=True)
    for file in ("ca.crt", "ca.key"):
        shutil.copy(layout.pki / file, folder / file)
    file = hashlib.sha256("\n".join([name, *groups]).encode()).hexdigest()[:16]
    client = certs.leaf(folder, file, name, groups)
    ca = certs.pair(layout.pki, "ca")
    write_kubeconfig(out, state["ports"]["apiserver"], ca, client, name)


def _certificates(layout: Layout, ports: Ports) -> tuple[Pair, Pair, Pair]:
    ca = certs.authority(layout.pki)
    server = certs.leaf(layout.pki, "apiserver", "kube-apiserver", server=True)
    accounts = certs.signing_key(layout.pki)
    for component, (user, groups) in IDENTITIES.items():
        client = certs.leaf(layout.pki, component, user, groups)
        path = layout.component_kubeconfig(component)
        write_kubeconfig(path, ports.apiserver, ca, client, user)
    return ca, server, accounts


class _Starter:
    """Starts the components of one plane in order; ends them again when one fails."""

    def __init__(self, layout: Layout, minor: str) -> None:
        self.layout = layout
        self.minor = minor
        self.binaries = {found.component.name: found for found in sources.obtain(minor)}
        self.ports = Ports(*processes.free_ports(6))
        self.records: list[dict[str, Any]] = []

    def save(self, ready: bool, seconds: float) -> dict[str, Any]:
        state = {
            "minor": self.minor,
            "version": KUBERNETES[self.minor],
            "dir": str(self.layout.home),
            "kubeconfig": str(self.layout.kubeconfig),
            "ready": ready,
            "readyAfterSeconds": round(seconds, 2),
            "ports": vars(self.ports),
            "processes": self.records,
            "binaries": {name: str(found.path) for name, found in self.binaries.items()},
            "origins": {name: found.origin for name, found in self.binaries.items()},
        }
        temporary = self.layout.state.with_suffix(".tmp")
        temporary.write_text(json.dumps(state, indent=1) + "\n")
        temporary.rename(self.layout.state)
        return state

    def run(self, name: str, argv: list[str]) -> Callable[[], str | None]:
        record = processes.spawn(name, [str(self.binaries[name].path), *argv], self.layout.logs, self.layout.home)
        self.records.append(record)
        self.save(False, 0.0)

        def died() -> str | None:
            return None if processes.is_ours(record) else processes.tail(Path(record["log"]))

        return died

    def start(self) -> dict[str, Any]:
        begun = time.monotonic()
        layout, ports = self.layout, self.ports
        layout.logs.mkdir(parents=True, exist_ok=True)
        ca, server, accounts = _certificates(layout, ports)
        died = self.run("etcd", flags.etcd(layout, ports))
        http.wait_ok("etcd", ports.etcd, "/health", None, died)
        died = self.run("kube-apiserver", flags.apiserver(layout, ports, ca, server, accounts))
        admin = http.context(ca.certificate, certs.pair(layout.pki, "admin"))
        http.wait_ok("kube-apiserver", ports.apiserver, "/readyz", admin, died)
        insecure = http.context(None, None)
        managers = {
            "kube-controller-manager": (
                flags.controller_manager(layout, ports, ca, accounts),
                ports.controller_manager,
                insecure,
            ),
            "kube-scheduler": (flags.scheduler(layout, ports), ports.scheduler, insecure),
            "kwok": (flags.kwok(layout, ports), ports.kwok, None),
        }
        deaths = {name: self.run(name, argv) for name, (argv, _, _) in managers.items()}
        for name, (_, port, tls) in managers.items():
            http.wait_ok(name, port, "/healthz", tls, deaths[name])
        # The controllers work once the root certificate has been put into the first namespace.
        path = "/api/v1/namespaces/default/configmaps/kube-root-ca.crt"
        http.wait_ok("the controllers", ports.apiserver, path, admin, deaths["kube-controller-manager"])
        return self.save(True, time.monotonic() - begun)


def start(home: Path, minor: str) -> dict[str, Any]:
    """Start a plane, or return the one that runs in this folder already."""
    with _alone(home):
        state = read_state(home)
        if state is not None:
            alive = running(state)
            if state["ready"] and len(alive) == len(state["processes"]):
                if state["minor"] != minor:
                    raise PlaneError(f"{home} runs Kubernetes {state['minor']}: stop it, or name another --dir")
                return state
            _end(home, state)
        starter = _Starter(Layout(home), minor)
        try:
            return starter.start()
        except BaseException:
            processes.end(starter.records)
            raise


def stop(home: Path, keep_logs: bool = False) -> list[str]:
    """End a plane's own processes and remove its data; the names of those that ran."""
    if read_state(home) is None:
        return []
    with _alone(home):
        state = read_state(home)
        return [] if state is None else _end(home, state, keep_logs)


def _end(home: Path, state: dict[str, Any], keep_logs: bool = False) -> list[str]:
    ended = processes.end(state["processes"])
    layout = Layout(home)
    for folder in (home / "etcd", layout.pki):
        shutil.rmtree(folder, ignore_errors=True)
    if not keep_logs:
        shutil.rmtree(layout.logs, ignore_errors=True)
    for file in (*home.glob("*.kubeconfig"), *home.glob("*.config"), layout.state):
        file.unlink(missing_ok=True)
    return ended


def status(home: Path) -> dict[str, Any]:
    """What runs in a folder, with memory; `running` is false when anything is missing."""
    state = read_state(home)
    if state is None:
        return {"dir": str(home), "running": False, "processes": []}
    rows = []
    for record in state["processes"]:
        alive = processes.is_ours(record)
        memory = processes.resident_mb(int(record["pid"])) if alive else None
        rows.append({**record, "running": alive, "residentMb": memory and round(memory, 1)})
    whole = bool(rows) and all(row["running"] for row in rows) and state["ready"]
    total = round(sum(row["residentMb"] or 0 for row in rows), 1)
    return {**state, "running": whole, "processes": rows, "residentMb": total}
