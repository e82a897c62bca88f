"""Which of the rights that are needed the cluster does not give us."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from shipkeeper.execution.rights import Rule
from shipkeeper.integrations.kubernetes.connect import Connection
from shipkeeper.integrations.kubernetes.objects import Target
from shipkeeper.model.errors import Failed, Forbidden
from shipkeeper.semantics.wire import PLATFORM_READERS
from shipkeeper.semantics.wire.drainer_kinds import DRAINER_KINDS

_AT_ONCE = 8
_NOT_SERVED = "not-served"
_REVIEWS = Target("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "selfsubjectaccessreviews")


class Right(Struct, frozen=True, order=True):
    """One verb on one resource; ``name`` and ``namespace`` empty: all of them."""

    group: str
    resource: str
    verb: str
    name: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        """As a person says it: ``patch nodes/n1``."""
        where = f" in {self.namespace}" if self.namespace else ""
        named = f"/{self.name}" if self.name else ""
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''}{named}{where}"


class _Verdict(Struct):
    allowed: bool = False


class _Review(Struct):
    status: _Verdict


def single_rights(rules: Sequence[Rule], lease_namespace: str) -> tuple[Right, ...]:
    """The rules as single rights, sorted."""
    return tuple(
        sorted(
            {
                Right(rule.group, resource, verb, name, lease_namespace if rule.in_lease_namespace else "")
                for rule in rules
                for resource in rule.resources
                for verb in rule.verbs
                for name in rule.names or ("",)
            }
        )
    )


async def missing_rights(connection: Connection, rights: Sequence[Right]) -> tuple[Right, ...]:
    """Those that the API server would refuse, asked by SelfSubjectAccessReview.

    A right to objects of operators and of other maintenance software counts only where those are installed. Raises
    Forbidden when we may not even ask.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(right: Right) -> bool:
        async with gate:
            return await _allowed(connection, right) or await _pointless(connection, right)

    # All of them end before an error goes on: none may still use the connection when it is closed.
    answers = await asyncio.gather(*(one(right) for right in rights), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return tuple(right for right, fine in zip(rights, answers, strict=True) if not fine)


async def _allowed(connection: Connection, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    asked = {
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "verb": right.verb,
        "name": right.name,
        "namespace": right.namespace,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in asked.items() if value}},
    }
    answer = await connection.objects.create(_REVIEWS, body)
    return msgspec.json.decode(answer, type=_Review).status.allowed


async def _pointless(connection: Connection, right: Right) -> bool:
    """Whether there is nothing of that kind here to be allowed or refused."""
    optional = (right.group, right.resource) in DRAINER_KINDS or f"{right.resource}.{right.group}" in PLATFORM_READERS
    if not optional:
        return False
    try:
        await connection.source.probe(right.group, right.resource)
    except Forbidden:
        return False
    except Failed as error:
        return error.code == _NOT_SERVED
    return True


def in_words(rights: Sequence[Right], most: int = 6) -> str:
    """The rights by resource, with their verbs together; the first few."""
    by_resource: dict[tuple[str, str, str, str], list[str]] = {}
    for right in rights:
        key = (right.group, right.resource, right.name, right.namespace)
        by_resource.setdefault(key, []).append(right.verb)
    said = [
        str(Right(group, resource, ",".join(verbs), name, namespace))
        for (group, resource, name, namespace), verbs in by_resource.items()
    ]
    return "; ".join(said[:most]) + (f"; and {len(said) - most} more" if len(said) > most else "")
