"""Host ports: two pods cannot claim one port of a node.

Source: ``pkg/scheduler/framework/plugins/nodeports``.
"""

from __future__ import annotations

from shipkeeper.model.pods import HostPort

_ANY = ("", "0.0.0.0", "::")  # noqa: S104  # an address to compare with, nothing is bound


def clash(one: HostPort, other: HostPort) -> bool:
    """Whether the two claims exclude each other: same port and protocol, and one address or any."""
    if one.port != other.port or one.protocol != other.protocol:
        return False
    return one.ip == other.ip or one.ip in _ANY or other.ip in _ANY
