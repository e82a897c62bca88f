"""The components, their pinned versions, and how each is asked for its version."""

from __future__ import annotations

import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

KUBERNETES = {"1.36": "v1.36.3", "1.34": "v1.34.4"}
DEFAULT_MINOR = "1.36"
ETCD = "v3.6.16"
KWOK = "v0.8.0"

KUBERNETES_COMPONENTS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
)
COMPONENTS = ("etcd", *KUBERNETES_COMPONENTS, "kwok")

_VERSION_ARGV = {
    "etcd": ["--version"],
    "kube-apiserver": ["--version"],
    "kube-controller-manager": ["--version"],
    "kube-scheduler": ["--version"],
    "kubectl": ["version", "--client"],
    "kwok": ["--version"],
}
_NUMBER = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class Component:
    """One binary in one version."""

    name: str
    version: str

    @property
    def key(self) -> str:
        """The name of its folder in the cache."""
        return f"{self.name}-{self.version}"

    @property
    def is_kubernetes(self) -> bool:
        """Whether it is released together with Kubernetes itself."""
        return self.name in KUBERNETES_COMPONENTS


def components(minor: str) -> list[Component]:
    """All components for one Kubernetes minor, in start order."""
    version = KUBERNETES[minor]
    found = []
    for name in COMPONENTS:
        pinned = {"etcd": ETCD, "kwok": KWOK}.get(name, version)
        found.append(Component(name, pinned))
    return found


def machine() -> tuple[str, str]:
    """Operating system and architecture as releases name them."""
    arch = platform.machine().lower()
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(arch, arch)
    return platform.system().lower(), arch


def reported_version(component: str, binary: Path) -> tuple[int, int, int] | None:
    """The version that a binary reports, or None when it can't be run or says none."""
    try:
        done = subprocess.run(
            [str(binary), *_VERSION_ARGV[component]],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _NUMBER.search(done.stdout + done.stderr)
    if found is None:
        return None
    return int(found[1]), int(found[2]), int(found[3])


def fits(component: Component, binary: Path) -> tuple[bool, str]:
    """Whether a binary found elsewhere may stand in for the pinned one, and why not.

    Kubernetes components must be of the same minor; etcd and kwok of the same major and minor.
    """
    reported = reported_version(component.name, binary)
    if reported is None:
        return False, f"{binary} reports no version"
    wanted = _NUMBER.match(component.version)
    assert wanted is not None
    if reported[:2] != (int(wanted[1]), int(wanted[2])):
        text = ".".join(str(part) for part in reported)
        return False, f"{binary} is {text}, wanted {component.version}"
    return True, ""
