"""What is known of software and hosts besides their objects: images, findings of scanners, updates, deprecated use."""

from __future__ import annotations

from msgspec import Struct

UNFIXED_KEPT = frozenset({"CRITICAL", "HIGH"})
"""Severities that a report keeps even when there is no fix."""


class ImageUse(Struct, frozen=True):
    """An image as pods name it, and what really runs under that name."""

    image: str
    digests: tuple[str, ...] = ()
    """``sha256:…`` as nodes report them; more than one when a tag moved. Empty when no node told."""
    pods: int = 0
    namespaces: tuple[str, ...] = ()


class ControlPlaneComponent(Struct, frozen=True):
    """A part of the control plane that runs as a static pod."""

    component: str
    """kube-apiserver, kube-controller-manager, kube-scheduler, etcd."""
    node: str
    version: str
    """From the image's tag; empty when the image is named by digest only."""
    image: str
    namespace: str = "kube-system"
    pod: str = ""
    ready: bool = False


class PendingPackage(Struct, frozen=True):
    """An update of the operating system that waits."""

    name: str
    installed: str = ""
    candidate: str = ""
    security: bool | None = None


class NodeFacts(Struct, frozen=True):
    """What is known of a node's operating system that Kubernetes itself does not tell. None: nothing tells.

    ``sources`` names what told: ``kured``, ``condition NAME``, ``facts FILE``.
    """

    node: str
    pending_updates: int | None = None
    pending_security: int | None = None
    packages: tuple[PendingPackage, ...] = ()
    reboot_required: bool | None = None
    reboot_since_ms: int | None = None
    """Since when a reboot waits, as far back as the source can tell."""
    automatic_security: bool | None = None
    """Whether security updates install themselves."""
    kernel_installed: str = ""
    """The kernel that the next boot starts; empty when not told."""
    kernel_running: str = ""
    os: str = ""
    """Name and version of the distribution: ``ubuntu 22.04``."""
    taken_ms: int = 0
    """When the facts were gathered; 0 when they are as of the survey."""
    sources: tuple[str, ...] = ()
    boot_id: str = ""
    """The boot that the facts are of; empty when not told."""

    @property
    def kernel_waits(self) -> bool | None:
        """Whether another kernel is installed than runs; None when one of the two is not known."""
        if not self.kernel_installed or not self.kernel_running:
            return None
        return self.kernel_installed != self.kernel_running


class HostFacts(Struct, frozen=True):
    """Facts as they were gathered of a host, by all the names that it goes by (Node, host name, address)."""

    names: tuple[str, ...]
    facts: NodeFacts


class Vulnerability(Struct, frozen=True):
    """One finding. ``fixed`` is the version that mends it; empty when there is none."""

    id: str
    severity: str
    package: str
    installed: str = ""
    fixed: str = ""
    score: float = 0.0
    published_ms: int = 0
    """When it was made public; 0 where the report does not tell."""


class VulnerabilityReport(Struct, frozen=True):
    """What a scanner found in one container of one workload.

    ``findings`` holds what has a fix or is critical or high; ``dropped`` counts the others.
    """

    namespace: str
    name: str
    kind: str = ""
    """Kind of the workload: ReplicaSet, StatefulSet, DaemonSet, Job…"""
    workload: str = ""
    container: str = ""
    registry: str = ""
    repository: str = ""
    tag: str = ""
    digest: str = ""
    os: str = ""
    scanner: str = ""
    scanner_version: str = ""
    updated_ms: int = 0
    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    unknown: int = 0
    findings: tuple[Vulnerability, ...] = ()
    dropped: int = 0


class DeprecatedRequest(Struct, frozen=True):
    """A deprecated API that somebody asked for since the answering API server started."""

    group: str
    version: str
    resource: str
    removed_release: str
    """First release without it: ``1.25``; empty when that is not decided."""
    subresource: str = ""


class ProposedUpdate(Struct, frozen=True):
    """An update that waits as a branch or pull request (Renovate)."""

    dependency: str
    current: str = ""
    proposed: str = ""
    branch: str = ""
    files: tuple[str, ...] = ()
    title: str = ""
    committed_ms: int = 0
    source: str = ""
    """The checkout, and in it the branch that it starts from."""
