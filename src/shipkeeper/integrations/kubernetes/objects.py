"""Writes: each with what must be true for it to happen, and under our own field manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from shipkeeper.integrations.kubernetes.calls import JSON, Call, failure
from shipkeeper.integrations.kubernetes.lists import path_of
from shipkeeper.integrations.kubernetes.transport import Transport
from shipkeeper.semantics.wire import Reader

FIELD_MANAGER = "shipkeeper"

PatchKind = Literal["merge", "json", "strategic", "apply"]
_PATCH_TYPES: dict[PatchKind, str] = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    # The API server reads JSON as the YAML that it is.
    "apply": "application/apply-patch+yaml",
}


class Target(Struct, frozen=True):
    """One object, or with an empty name a collection, by its URL path and by the words for errors."""

    path: str
    resource: str
    namespace: str = ""
    name: str = ""


def target(reader: Reader[Any], name: str = "", namespace: str = "") -> Target:
    """The target that a reader's object is."""
    return Target(path_of(reader, namespace, name), reader.resource, namespace, name)


class Objects:
    """Reads and changes single objects; bodies go and come as JSON."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, where: Target) -> bytes | None:
        """The object, or None when there is none."""
        call = _call(where, "GET", "get", retry="read")
        answer = await self._transport.send(call)
        if answer.code == 404:
            return None
        if answer.code >= 400:
            raise failure(call, answer)
        return answer.body

    async def create(self, where: Target, body: Any, *, dry_run: bool = False) -> bytes:
        """Create. Raises Conflict when it is there already."""
        call = _call(where, "POST", "create", msgspec.json.encode(body), query=_query(dry_run))
        return (await self._transport.ask(call)).body

    async def replace(self, where: Target, body: Any, *, dry_run: bool = False) -> bytes:
        """Replace the version that ``body.metadata.resourceVersion`` names. Raises Conflict."""
        call = _call(where, "PUT", "update", msgspec.json.encode(body), query=_query(dry_run))
        return (await self._transport.ask(call)).body

    async def patch(
        self, where: Target, kind: PatchKind, body: Any, *, force: bool = False, dry_run: bool = False
    ) -> bytes:
        """Patch; ``apply`` is server-side apply, and ``force`` takes fields over from their other managers.

        Raises Conflict: a precondition in the patch failed, another manager owns a field, or the object is gone.
        """
        query = _query(dry_run) + ((("force", "true"),) if force and kind == "apply" else ())
        call = _call(where, "PATCH", "patch", msgspec.json.encode(body), query=query, content_type=_PATCH_TYPES[kind])
        return (await self._transport.ask(call)).body

    async def delete(
        self, where: Target, *, uid: str, resource_version: str = "", grace_seconds: int | None = None
    ) -> bool:
        """Delete exactly that object; False when there is none of that name. Raises Conflict for another of it."""
        conditions = {"uid": uid} | ({"resourceVersion": resource_version} if resource_version else {})
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": conditions}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        call = _call(where, "DELETE", "delete", msgspec.json.encode(options))
        answer = await self._transport.send(call)
        if answer.code == 404:
            return False
        if answer.code >= 400:
            raise failure(call, answer)
        return True


def _query(dry_run: bool) -> tuple[tuple[str, str], ...]:
    return (("fieldManager", FIELD_MANAGER), *((("dryRun", "All"),) if dry_run else ()))


def _call(
    where: Target,
    method: str,
    verb: str,
    body: bytes = b"",
    *,
    query: tuple[tuple[str, str], ...] = (),
    content_type: str = JSON,
    retry: Literal["read", "rejected"] = "rejected",
) -> Call:
    return Call(
        path=where.path,
        method=method,
        query=query,
        body=body,
        content_type=content_type,
        verb=verb,
        resource=where.resource,
        namespace=where.namespace,
        name=where.name,
        retry=retry,
    )


def fields(**values: Any) -> Mapping[str, Any]:
    """An object's fields, without those that are None: absent and null are not the same to a patch."""
    return {key: value for key, value in values.items() if value is not None}
