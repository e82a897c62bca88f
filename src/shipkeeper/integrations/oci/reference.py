"""Names of artefacts: ``oci://registry[:port]/repository[:tag|@sha256:…]``."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from shipkeeper.model.errors import UsageProblem

SCHEME = "oci://"
_HOST = re.compile(r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9-]+)*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Reference(NamedTuple):
    """One artefact. Exactly one of tag and digest is given."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def version(self) -> str:
        """What a manifest is asked for by."""
        return self.digest or self.tag

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is on this machine."""
        host = self.registry.rpartition(":")[0] if re.search(r":\d+$", self.registry) else self.registry
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host.strip("[]")).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        mark = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{SCHEME}{self.registry}/{self.repository}{mark}"


def parse_reference(text: str) -> Reference:
    """Read a reference; no tag means ``latest``. Raises UsageProblem."""
    rest = text.removeprefix(SCHEME)
    registry, _, path = rest.partition("/")
    name, at, digest = path.partition("@")
    repository, colon, tag = name.partition(":")
    good = (
        text.startswith(SCHEME)
        and bool(colon) == bool(tag)
        and bool(at) == bool(digest)
        and _HOST.fullmatch(registry)
        and _REPOSITORY.fullmatch(repository)
        and (not tag or _TAG.fullmatch(tag))
        and (not digest or _DIGEST.fullmatch(digest))
    )
    if not good:
        raise UsageProblem(
            f"{text!r} names no artefact in a registry",
            code="bad-reference",
            object=text,
            hint="write it like oci://harbor.example.org/platform/knowledge:2026-11 or …@sha256:<64 hex digits>",
        )
    return Reference(registry, repository, "" if digest else tag or "latest", digest)
