"""Version skew: which minors may run side by side.

Source: Kubernetes documentation, "Version Skew Policy".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_VERSION = re.compile(r"v?(\d+)\.(\d+)")

WIDE_SINCE = (1, 25)
"""Kubelets and proxies from this minor on may be three minors older than the API server; earlier ones two."""


def minor_of(version: str) -> tuple[int, int] | None:
    """(major, minor) of a version such as ``v1.34.4+k3s1``; None when it is not one."""
    match = _VERSION.match(version.strip())
    return (int(match[1]), int(match[2])) if match else None


def behind(older: tuple[int, int], newer: tuple[int, int]) -> int:
    """Minors that ``older`` lags behind ``newer``; negative when it is ahead. Majors never mix."""
    return newer[1] - older[1] + 1_000 * (newer[0] - older[0])


def allowed_lag(component: tuple[int, int]) -> int:
    """How many minors a kubelet or kube-proxy of this version may lag behind the API server."""
    return 3 if component >= WIDE_SINCE else 2


def kubelet_problem(kubelet: str, api_servers: Sequence[str]) -> str:
    """Why this kubelet may not run with these API servers; empty when it may.

    Never newer than the oldest API server, and not too far behind the newest. A version that cannot be read is named.
    """
    own = minor_of(kubelet)
    servers = [minor_of(version) for version in api_servers]
    known = [version for version in servers if version is not None]
    if own is None or not known or len(known) != len(servers):
        return "a version cannot be read"
    if own > min(known):
        return f"kubelet {write_minor(own)} is newer than API server {write_minor(min(known))}"
    lag = behind(own, max(known))
    if lag > allowed_lag(own):
        newest = write_minor(max(known))
        return f"kubelet {write_minor(own)} is {lag} minors behind API server {newest}; {allowed_lag(own)} may be"
    return ""


def proxy_problem(proxy: str, kubelet: str, api_servers: Sequence[str]) -> str:
    """Why this kube-proxy may not run; empty when it may. Also at most three (two) minors from its node's kubelet."""
    problem = kubelet_problem(proxy, api_servers)
    if problem:
        return problem.replace("kubelet", "kube-proxy", 1)
    own, node = minor_of(proxy), minor_of(kubelet)
    if own is None or node is None:
        return "a version cannot be read"
    apart = abs(behind(own, node))
    if apart > allowed_lag(own):
        two = f"kube-proxy {write_minor(own)} and kubelet {write_minor(node)}"
        return f"{two} are {apart} minors apart; {allowed_lag(own)} may be"
    return ""


def controller_problem(controller: str, api_servers: Sequence[str]) -> str:
    """Why this controller manager or scheduler may not run: never newer, at most one minor older."""
    own = minor_of(controller)
    known = [version for version in map(minor_of, api_servers) if version is not None]
    if own is None or not known or len(known) != len(api_servers):
        return "a version cannot be read"
    if own > min(known):
        return f"controller {write_minor(own)} is newer than API server {write_minor(min(known))}"
    lag = behind(own, max(known))
    return (
        f"controller {write_minor(own)} is {lag} minors behind API server {write_minor(max(known))}" if lag > 1 else ""
    )


def api_servers_problem(api_servers: Sequence[str]) -> str:
    """Why these API servers may not run side by side: at most one minor apart."""
    known = [version for version in map(minor_of, api_servers) if version is not None]
    if not known or len(known) != len(api_servers):
        return "a version cannot be read"
    apart = behind(min(known), max(known))
    return (
        f"API servers {write_minor(min(known))} and {write_minor(max(known))} are {apart} minors apart"
        if apart > 1
        else ""
    )


def write_minor(minor: tuple[int, int]) -> str:
    """A minor as people write it."""
    return f"{minor[0]}.{minor[1]}"
