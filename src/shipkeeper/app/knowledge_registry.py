"""Bundles of facts in an OCI registry: fetched from one, published in one."""

from __future__ import annotations

import os
from pathlib import Path

from shipkeeper.integrations.oci.reference import Reference, parse_reference
from shipkeeper.integrations.oci.registry import Registry
from shipkeeper.integrations.system.secrets import ReferencedSecrets
from shipkeeper.knowledge.bundle import LARGEST, Bundle
from shipkeeper.model.errors import UsageProblem

MEDIA_TYPE = "application/vnd.shipkeeper.knowledge.v1+json"
TITLE = "org.opencontainers.image.title"
CREATED = "org.opencontainers.image.created"


def fetch(source: str, username: str, password_from: str, ca: str | None, plain_http: bool) -> tuple[bytes, str]:
    """(bundle, digest of its manifest). Raises UsageProblem, Unreachable, BadInput as the registry does."""
    with _open(parse_reference(source), username, password_from, ca, plain_http) as registry:
        found = registry.pull(MEDIA_TYPE, LARGEST)
    return found.data, found.digest


def publish(
    target: str, data: bytes, bundle: Bundle, username: str, password_from: str, ca: str | None, plain_http: bool
) -> str:
    """Publish a bundle; returns the digest to fetch exactly this one by. Raises as ``fetch``."""
    annotations = {TITLE: "knowledge.json", CREATED: bundle.manifest.issued}
    with _open(parse_reference(target), username, password_from, ca, plain_http) as registry:
        return registry.push(data, MEDIA_TYPE, annotations)


def _open(reference: Reference, username: str, password_from: str, ca: str | None, plain_http: bool) -> Registry:
    if bool(username) != bool(password_from):
        raise UsageProblem("an account needs --username and --password-from, both or none")
    password = None
    if password_from:
        password = ReferencedSecrets(os.environ).read(password_from, f"the account at {reference.registry}")
    return Registry(reference, username=username, password=password, ca=Path(ca) if ca else None, plain_http=plain_http)
