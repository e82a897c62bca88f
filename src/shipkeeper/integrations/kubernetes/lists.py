"""Lists in pages: never more than one page in memory, and one consistent state of the cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

from msgspec.structs import replace

from shipkeeper.integrations.kubernetes.calls import Call, failure, unexpected
from shipkeeper.integrations.kubernetes.transport import Transport
from shipkeeper.model.errors import BadInput
from shipkeeper.semantics.wire import Page, Reader

T = TypeVar("T")

PAGE = 500
"""Objects a page, as kubectl and client-go ask for."""

_RESTARTS = 3


def path_of(reader: Reader[Any], namespace: str = "", name: str = "") -> str:
    """The URL path of a collection or an object; names are escaped, so that none can lead elsewhere."""
    return reader.path(quote(namespace, safe=":"), quote(name, safe=":"))


def list_call(reader: Reader[Any], namespace: str = "", query: tuple[tuple[str, str], ...] = ()) -> Call:
    """The call that lists a resource, in all namespaces when none is given."""
    return Call(
        path=path_of(reader, namespace), query=query, verb="list", resource=reader.resource, namespace=namespace
    )


async def each_page(
    transport: Transport,
    call: Call,
    read: Callable[[bytes], Page[Any]],
    restart: Callable[[], None],
    *,
    limit: int = PAGE,
) -> str:
    """Read a list page by page; the resourceVersion it is of.

    When the continue token expires under us (410), ``restart`` is called and the list begins anew; the last attempt
    asks for everything at once, which cannot expire. Raises what the transport raises, and Failed (code
    unexpected-answer) for an answer that is no such list.
    """
    for attempt in range(_RESTARTS + 1):
        if attempt:
            restart()
        version = await _attempt(transport, call, read, limit if attempt < _RESTARTS else 0)
        if version is not None:
            return version
    raise unexpected(call, "410 to a list without a continue token")


async def _attempt(transport: Transport, call: Call, read: Callable[[bytes], Page[Any]], limit: int) -> str | None:
    """One pass over the pages; None when the continue token expired."""
    token = ""
    while True:
        query = call.query
        if limit:
            query += (("limit", str(limit)),)
        if token:
            query += (("continue", token),)
        answer = await transport.send(replace(call, query=query))
        if answer.code == 410:
            return None
        if answer.code >= 400:
            raise failure(call, answer)
        try:
            page = read(answer.body)
        except BadInput as error:
            raise unexpected(call, error.message) from error
        if not page.continue_token:
            return page.resource_version
        token = page.continue_token


async def collect(
    transport: Transport,
    reader: Reader[T],
    *,
    namespace: str = "",
    query: tuple[tuple[str, str], ...] = (),
    limit: int = PAGE,
) -> tuple[list[T], str]:
    """Every object of a resource, in the server's order, and the resourceVersion of the list."""
    found: list[T] = []

    def read(body: bytes) -> Page[T]:
        page = reader.page(body)
        found.extend(page.items)
        return page

    version = await each_page(transport, list_call(reader, namespace, query), read, found.clear, limit=limit)
    return found, version
