"""Host ports: two pods cannot claim one port of a node.

Source: ``pkg/scheduler/framework/plugins/nodeports``.
"""

from __future__ import annotations

from collections.abc import Iterable

from shipkeeper.model.pods import HostPort

_ANY = ("", "0.0.0.0", "::")  # noqa: S104  # an address to compare with, nothing is bound


def clash(one: HostPort, other: HostPort) -> bool:
    """Whether the two claims exclude each other: same port and protocol, and one address or any."""
    if one.port != other.port or one.protocol != other.protocol:
        return False
    return one.ip == other.ip or one.ip in _ANY or other.ip in _ANY


def first_clash(wanted: Iterable[HostPort], taken: Iterable[HostPort]) -> HostPort | None:
    """The first wanted port that a taken one excludes, or None."""
    held = tuple(taken)
    for port in wanted:
        if any(clash(port, other) for other in held):
            return port
    return None
