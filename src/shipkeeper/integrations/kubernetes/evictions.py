"""Asking for evictions, and reading what the API server answers.

The codes are those observed on API servers 1.34 and 1.36; a budget's 429 and an overloaded server's 429 differ by
the cause in the body only.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import msgspec

from shipkeeper.integrations.kubernetes.calls import (
    BUDGET_CAUSE,
    NAMESPACE_CAUSE,
    Answer,
    Call,
    Status,
    unauthenticated,
)
from shipkeeper.integrations.kubernetes.lists import path_of
from shipkeeper.integrations.kubernetes.transport import Transport
from shipkeeper.model.errors import Unauthenticated, Unreachable
from shipkeeper.model.time import SECOND
from shipkeeper.ports.cluster import Eviction, EvictionAnswer, EvictionOutcome
from shipkeeper.ports.secrets import redact
from shipkeeper.semantics.wire import READERS

IN_FLIGHT = 16
"""Evictions asked for at the same time."""

_TWO_BUDGETS = "more than one PodDisruptionBudget"
_BUDGET = re.compile(r"disruption budget (\S+) (?:needs|is still being processed|does not)")


async def evict_many(
    transport: Transport, evictions: Sequence[Eviction], *, in_flight: int = IN_FLIGHT
) -> tuple[EvictionAnswer, ...]:
    """Ask for all of them, at most ``in_flight`` at a time; answers in the same order.

    A pod whose answer did not come is ``busy`` with code 0: whether it was evicted must be read from the pod. Raises
    Unauthenticated only when no eviction at all got past the credential.
    """
    gate = asyncio.Semaphore(in_flight)

    async def one(eviction: Eviction) -> EvictionAnswer:
        async with gate:
            return await _evict(transport, eviction)

    answers = tuple(await asyncio.gather(*(one(eviction) for eviction in evictions)))
    if answers and all(answer.code == 401 for answer in answers):
        raise unauthenticated(_call(evictions[0]), answers[0].message)
    return answers


async def _evict(transport: Transport, eviction: Eviction) -> EvictionAnswer:
    try:
        return classify(eviction, await transport.send(_call(eviction)))
    except Unauthenticated as error:
        return EvictionAnswer(eviction, "busy", 401, "Unauthorized", error.message)
    except Unreachable as error:
        return EvictionAnswer(eviction, "busy", 0, error.code, error.message)


def _call(eviction: Eviction) -> Call:
    options: dict[str, object] = {"preconditions": {"uid": eviction.uid}}
    if eviction.grace_ms is not None:
        options["gracePeriodSeconds"] = -(-eviction.grace_ms // SECOND)
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": eviction.name, "namespace": eviction.namespace},
        "deleteOptions": options,
    }
    return Call(
        path=path_of(READERS["pods"], eviction.namespace, eviction.name) + "/eviction",
        method="POST",
        body=msgspec.json.encode(body),
        verb="create",
        resource="pods/eviction",
        namespace=eviction.namespace,
        name=eviction.name,
        retry="never",
    )


def classify(eviction: Eviction, answer: Answer) -> EvictionAnswer:
    """What an answer to an eviction means: by the status line and by the Status in the body."""
    status = answer.status
    code = answer.code
    if status is not None and status.status == "Failure" and code < 400:
        code = status.code or 500
    outcome = _outcome(code, status)
    message = _message(answer, status)
    named = _BUDGET.search(message)
    return EvictionAnswer(
        eviction,
        outcome,
        code=code,
        reason=status.reason if status else "",
        message=message,
        retry_after_ms=answer.retry_after_ms,
        budget=named.group(1) if named else "",
    )


def _outcome(code: int, status: Status | None) -> EvictionOutcome:
    if code < 400:
        # Anything but a Status of success is not known to be one: the pod has to be read again.
        return "accepted" if status is not None and status.status == "Success" else "busy"
    if status is None:
        return "busy" if code in (408, 429) or code >= 500 else "refused"
    if code == 404:
        about_pod = status.reason == "NotFound" and status.details is not None and status.details.kind == "pods"
        return "gone" if about_pod else "refused"
    if code == 409:
        return "conflict"
    if code == 429:
        return "spent" if status.has_cause(BUDGET_CAUSE) else "busy"
    if code >= 500:
        return "hopeless" if _TWO_BUDGETS in status.message else "busy"
    if code == 403 and status.has_cause(NAMESPACE_CAUSE):
        return "namespace-terminating"
    return "busy" if code == 408 else "refused"


def _message(answer: Answer, status: Status | None) -> str:
    if status is None:
        return answer.message
    causes = status.details.causes or () if status.details else ()
    parts = [status.message, *(cause.message for cause in causes)]
    return redact(" ".join(dict.fromkeys(part for part in parts if part)))
