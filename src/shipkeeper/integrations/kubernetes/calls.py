"""One request to the API server, its answer, and what a failed one means."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Literal

import msgspec
from msgspec import Struct

from shipkeeper.integrations.kubernetes.timing import SERVER_ERROR
from shipkeeper.model.errors import Conflict, Failed, Forbidden, ShipkeeperError, Unauthenticated, Unreachable
from shipkeeper.model.time import SECOND, instant
from shipkeeper.ports.secrets import redact

JSON = "application/json"
BUDGET_CAUSE = "DisruptionBudget"
"""Cause of a 429 that a disruption budget gives, unlike the one of priority and fairness."""
NAMESPACE_CAUSE = "NamespaceTerminating"

Retry = Literal["read", "rejected", "never"]


class Call(Struct, frozen=True, kw_only=True):
    """A request, with the words that an error about it needs.

    ``retry``: ``read`` sends it again after any trouble that may pass; ``rejected`` only when the server said that
    it did nothing (too busy); ``never``: the caller decides.
    """

    path: str
    method: str = "GET"
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content_type: str = JSON
    accept: str = JSON
    verb: str = "get"
    resource: str = ""
    namespace: str = ""
    name: str = ""
    retry: Retry = "read"

    @property
    def object(self) -> str:
        """The object as an error names it; empty for a collection."""
        if not self.name:
            return ""
        return f"{self.resource}/{self.name}" + (f" in namespace {self.namespace}" if self.namespace else "")

    @property
    def words(self) -> str:
        """What was asked, for people: ``list pods in namespace shop``."""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource or self.path}" + (f" {self.name}" if self.name else "") + where


class Cause(Struct):
    """status.details.causes[]."""

    reason: str = ""
    message: str = ""
    field: str = ""


class Details(Struct, rename="camel"):
    """status.details."""

    name: str = ""
    kind: str = ""
    group: str = ""
    causes: list[Cause] | None = None
    retry_after_seconds: int = 0


class Status(Struct):
    """A metav1.Status."""

    kind: str
    status: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0
    details: Details | None = None

    def has_cause(self, reason: str) -> bool:
        """Whether one of the causes has that reason."""
        return any(cause.reason == reason for cause in (self.details.causes or () if self.details else ()))


_STATUS = msgspec.json.Decoder(Status)


class Answer(Struct, frozen=True):
    """What came back. Header names are lower case."""

    code: int
    body: bytes
    headers: Mapping[str, str] = {}

    @property
    def status(self) -> Status | None:
        """The body as a Status; None when it is something else (an object, or a proxy's page)."""
        try:
            status = _STATUS.decode(self.body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return status if status.kind == "Status" else None

    @property
    def message(self) -> str:
        """What the server said, fit for a message."""
        status = self.status
        if status is not None:
            return redact(status.message) or status.reason
        return f"HTTP {self.code}, not in the words of a Kubernetes API server"

    @property
    def retry_after_ms(self) -> int:
        """What the server asks for before the next attempt; 0 when it asks for nothing."""
        text = self.headers.get("retry-after", "").strip()
        if text.isdecimal():
            return int(text) * SECOND
        status = self.status
        return status.details.retry_after_seconds * SECOND if status and status.details else 0

    @property
    def date_ms(self) -> int | None:
        """The server's clock when it answered (``Date``), epoch milliseconds; None when it did not say."""
        try:
            when = parsedate_to_datetime(self.headers.get("date", ""))
        except (ValueError, TypeError):
            return None
        return instant(when) if when.tzinfo is not None else None

    @property
    def is_busy(self) -> bool:
        """429 because the server has too much to do: nothing was done, and no budget is spent."""
        if self.code != 429:
            return False
        status = self.status
        return status is None or not status.has_cause(BUDGET_CAUSE)


def failure(call: Call, answer: Answer) -> ShipkeeperError:
    """The error that a failed answer means."""
    status, message = answer.status, answer.message
    code = answer.code
    if code == 401:
        return unauthenticated(call, message)
    if code == 403:
        return Forbidden(
            f"not allowed to {call.words}",
            object=call.object or call.resource,
            why=message,
            hint=f"see what is allowed: kubectl auth can-i {call.verb} {call.resource}",
        )
    gone = code == 404 and call.verb in ("patch", "update", "delete")
    if code == 409 or gone or _is_other_object(answer):
        return Conflict(
            f"{call.words}: it is gone" if gone else f"{call.words}: it is not what it was when we last looked",
            code="gone" if gone else "",
            object=call.object,
            why=message,
            hint="look again, then decide again",
        )
    if code == 404:
        return Failed(f"{call.words}: {message}", code="not-found", object=call.object or call.resource)
    if code == 410:
        return Failed(f"{call.words}: the server no longer has that version", code="expired", why=message)
    if answer.is_busy:
        return Unreachable(
            f"{call.words}: the API server is too busy and kept saying so",
            code="busy",
            object=call.object,
            why=message,
            hint="try again later; API priority and fairness turns requests away when too many come at once",
        )
    if code in (502, 503, 504):
        return Unreachable(f"{call.words}: the API server cannot serve now (HTTP {code})", why=message)
    if code >= 500:
        return Failed(f"{call.words}: the API server failed (HTTP {code})", code=SERVER_ERROR, why=message)
    reason = f" ({status.reason})" if status and status.reason else ""
    return Failed(f"{call.words}: HTTP {code}{reason}: {message}", code=f"http-{code}", object=call.object)


def _is_other_object(answer: Answer) -> bool:
    """A patch that names another UID: the API server 1.36 says 422, and not 409, to changing an immutable field."""
    status = answer.status
    if answer.code != 422 or status is None or status.details is None:
        return False
    return any(cause.field == "metadata.uid" for cause in status.details.causes or ())


def unauthenticated(call: Call, message: str = "") -> Unauthenticated:
    """The server does not accept our credential."""
    return Unauthenticated(
        f"{call.words}: the API server does not accept our credential",
        why=message,
        hint="log in again the way this context does; kubectl auth whoami shows whether it works",
    )


def unexpected(call: Call, detail: str) -> Failed:
    """The answer is not what the API documents."""
    return Failed(
        f"{call.words}: the answer is not what a Kubernetes API server gives: {detail}",
        code="unexpected-answer",
        object=call.object,
        hint="check that the server address is that of an API server, and not of a proxy's page",
    )
