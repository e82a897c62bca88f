"""What a registry asks for when it answers 401, and the token that its realm gives for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

_PART = re.compile(r'(\w+)="([^"]*)"|(\w+)=([^\s,"]+)')


class Challenge(NamedTuple):
    """``scheme`` is basic or bearer; the rest is for bearer."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""

    def query(self) -> Mapping[str, str]:
        """What the realm is asked with."""
        asked = {"service": self.service, "scope": self.scope}
        return {key: value for key, value in asked.items() if value}


def read_challenge(header: str) -> Challenge | None:
    """Read ``WWW-Authenticate``; None for what is neither basic nor bearer."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "basic":
        return Challenge("basic")
    if scheme.lower() != "bearer":
        return None
    parts = {match[1] or match[3]: match[2] if match[1] else match[4] for match in _PART.finditer(rest)}
    if not parts.get("realm"):
        return None
    return Challenge("bearer", parts["realm"], parts.get("service", ""), parts.get("scope", ""))


def is_private(url: str, loopback: bool) -> bool:
    """Whether a password may be sent there: over TLS, or to this machine where the registry is here too."""
    return urlsplit(url).scheme == "https" or loopback
