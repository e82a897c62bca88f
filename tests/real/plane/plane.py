"""A running control plane as a Python object; `scripts/controlplane` does the work.

    plane = start("1.36")                 # reuses what an earlier, killed run left behind
    api = plane.api()
    plane.user("night-runner", ["maintainers"], folder / "runner.kubeconfig")
    plane.stop()

In pytest one module-scoped fixture starts a plane and `cluster.reset(api)` cleans it between tests.
`start` raises `Unavailable` with one line when the binaries can be had from nowhere: skip then.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.real.plane.api import Api, Object

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "scripts" / "controlplane"
BUILD_TIMEOUT_S = 1800
START_TIMEOUT_S = 120


class Unavailable(Exception):
    """No binaries here, from any source; the message is one line."""


def _run(arguments: list[str], timeout_s: float) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if done.returncode == 3:
        raise Unavailable(done.stderr.strip().splitlines()[-1])
    if done.returncode != 0:
        raise RuntimeError(f"controlplane {arguments[0]} failed:\n{done.stderr[-4000:]}")
    return done.stdout


@dataclass(frozen=True)
class Plane:
    """A plane that runs."""

    minor: str
    home: Path
    kubeconfig: Path
    server_version: str
    kubectl: Path

    def api(self) -> Api:
        """A client as administrator, for the caller to close."""
        return Api.of(self.kubeconfig)

    def user(self, name: str, groups: list[str], out: Path) -> Path:
        """A kubeconfig of a user known by client certificate; RBAC decides what it may do."""
        arguments = ["user", name, "--dir", str(self.home), "--minor", self.minor]
        for group in groups:
            arguments += ["--group", group]
        _run([*arguments, "--kubeconfig-out", str(out)], 60)
        return out

    def service_account(self, namespace: str, name: str, out: Path, seconds: int = 4 * 3600) -> Path:
        """A kubeconfig with a token of a ServiceAccount, made when it is not there."""
        account = {"name": name, "namespace": namespace}
        asked: Object = {"spec": {"expirationSeconds": seconds}}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        with self.api() as api:
            for kind, meta in (("Namespace", {"name": namespace}), ("ServiceAccount", account)):
                api.create({"apiVersion": "v1", "kind": kind, "metadata": meta}, exist_ok=True)
            token = api.call("POST", path, asked)["status"]["token"]
        config = json.loads(self.kubeconfig.read_text())
        config["users"] = [{"name": name, "user": {"token": token}}]
        config["contexts"][0]["context"]["user"] = name
        out.touch(mode=0o600)
        out.write_text(json.dumps(config))
        return out

    def authority_pem(self) -> bytes:
        """The certificate authority, as clients are given it."""
        config = json.loads(self.kubeconfig.read_text())
        data = config["clusters"][0]["cluster"]["certificate-authority-data"]
        return base64.b64decode(data)

    def status(self) -> Object:
        """Processes with their memory, ports and versions."""
        done = subprocess.run(
            [sys.executable, str(SCRIPT), "status", "--dir", str(self.home)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        answer: Object = json.loads(done.stdout)
        return answer

    def stop(self, keep_logs: bool = False) -> None:
        """End it and remove its data."""
        extra = ["--keep-logs"] if keep_logs else []
        _run(["stop", "--dir", str(self.home), *extra], 60)


def cache() -> Path:
    """The cache outside the checkout, as the script has it."""
    configured = os.environ.get("SHIPKEEPER_CACHE")
    if configured:
        return Path(configured).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    home = Path(base) if base else Path.home() / ".cache"
    return home / "shipkeeper" / "controlplane"


def start(minor: str = "1.36", home: Path | None = None) -> Plane:
    """Build what is missing, start a plane (or take over the one in `home`).

    Raises Unavailable when a binary can be had from nowhere.
    """
    home = home or cache() / "planes" / f"test-{minor}"
    _run(["build", "--minor", minor], BUILD_TIMEOUT_S)
    state = json.loads(_run(["start", "--minor", minor, "--dir", str(home)], START_TIMEOUT_S))
    return Plane(
        minor,
        home,
        Path(state["kubeconfig"]),
        state["version"],
        Path(state["binaries"]["kubectl"]),
    )
