"""The shape of everything that other programs read: keys in camelCase, named as ``docs/reference/output.md`` says."""

from __future__ import annotations

from msgspec import Struct

API_VERSION = "shipkeeper/v1alpha1"


class Record(Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of output and file formats."""


class Spread(Record, frozen=True, kw_only=True):
    """A figure over many seeds, in seconds."""

    p50: float
    p95: float


class NamedObject(Record, frozen=True, kw_only=True):
    """A Kubernetes object in output."""

    kind: str
    namespace: str = ""
    name: str = ""
