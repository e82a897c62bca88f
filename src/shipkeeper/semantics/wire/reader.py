"""From bytes to model objects, one resource at a time."""

from __future__ import annotations

import copy
import gc
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import msgspec

from shipkeeper.model.errors import BadInput, Location
from shipkeeper.semantics.wire.raw import Wire, WireListMeta

T = TypeVar("T")
_BYTE = re.compile(r"\(byte (\d+)\)")
_BIG = 1 << 16


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One answer to a list request. ``continue_token`` is empty on the last page."""

    items: tuple[T, ...]
    resource_version: str = ""
    continue_token: str = ""


class _Listed(Wire, Generic[T]):
    """A list: ``items`` must be there, so that an error document is never taken for an empty list."""

    items: list[T] | None
    metadata: WireListMeta | None = None


@contextmanager
def without_collector(size: int) -> Iterator[None]:
    """Keep the cycle collector out of a big decode: it would visit millions of new objects for nothing."""
    if size < _BIG or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def place_in(data: bytes | msgspec.Raw, offset: int) -> tuple[int, int]:
    """Line and column, counted from 1, of a byte offset."""
    before = bytes(data)[:offset]
    return before.count(b"\n") + 1, offset - (before.rfind(b"\n") + 1) + 1


def malformed(error: Exception, data: bytes | msgspec.Raw, place: str, what: str) -> BadInput:
    """Tell what is wrong with a document, and where: line and column, or the JSON path of a wrong value."""
    if isinstance(error, RecursionError):
        return BadInput(f"{what} is nested too deep to be a Kubernetes object", location=Location(place))
    message = str(error)
    if isinstance(error, msgspec.ValidationError):
        return BadInput(f"{what} does not look as the Kubernetes API writes it: {message}", location=Location(place))
    offset = _BYTE.search(message)
    if isinstance(error, UnicodeDecodeError):
        line, column = place_in(data, error.start)
        message = "the text is not UTF-8"
    elif offset:
        line, column = place_in(data, int(offset.group(1)))
    elif "truncated" in message:
        line, column = place_in(data, len(bytes(data)))
    else:
        line = column = 0
    return BadInput(f"{what} is not readable JSON: {message}", location=Location(place, line, column))


_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError, ValueError)


class Reader(Generic[T]):
    """Reads one resource of the API.

    ``resource`` is its plural name, ``kind`` its kind, ``api`` its path prefix (``/api/v1``, ``/apis/apps/v1``),
    ``type`` the model type it becomes. An object becomes a list of model objects: usually one; a webhook
    configuration gives one a webhook, a local APIService none.
    """

    def __init__(
        self,
        resource: str,
        kind: str,
        api: str,
        model: type[T],
        wire: Any,
        convert: Callable[[Any], Sequence[T]],
        *,
        namespaced: bool = True,
    ) -> None:
        self.resource = resource
        self.kind = kind
        self.api = api
        self.namespaced = namespaced
        self.type = model
        self._convert = convert
        self._one = msgspec.json.Decoder(wire)
        self._page = msgspec.json.Decoder(_Listed[wire])

    @property
    def group(self) -> str:
        """The API group; empty for the core one."""
        return self.api.split("/")[2] if self.api.startswith("/apis/") else ""

    @property
    def full_name(self) -> str:
        """Plural name and group, as kubectl names a resource: ``clusters.postgresql.cnpg.io``."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    def at(self, api: str) -> Reader[T]:
        """The same reader for another version of its group: ``/apis/kyverno.io/v2beta1``."""
        made = copy.copy(self)
        made.api = api
        return made

    def path(self, namespace: str = "", name: str = "") -> str:
        """The URL path of the collection (all namespaces when none is given), or of one object."""
        middle = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{self.api}{middle}/{self.resource}" + (f"/{name}" if name else "")

    def one(self, data: bytes | msgspec.Raw, place: str = "") -> list[T]:
        """Read one object. ``place`` names the document in errors. Raises BadInput."""
        try:
            wire = self._one.decode(data)
        except _UNREADABLE as error:
            raise malformed(error, data, place, self.kind) from error
        return list(self._model(wire, place))

    def page(self, data: bytes, place: str = "") -> Page[T]:
        """Read one page of a list. ``place`` names the document in errors. Raises BadInput."""
        listed = self.listed(data, place)
        items: list[T] = []
        for wire in listed.items or ():
            items.extend(self._model(wire, place))
        meta = listed.metadata or WireListMeta()
        return Page(tuple(items), meta.resource_version or "", meta.token or "")

    def one_by_one(self, data: bytes, refused: Callable[[str, str], None], place: str = "") -> Page[T]:
        """Read one page of a list, giving up only the objects that cannot be read: ``refused(name, why)`` is told.

        For kinds whose fields other people define. Raises BadInput when the list itself cannot be read.
        """
        try:
            return self.page(data, place)
        except BadInput:
            listed = self._decoded(_RAW_PAGE, data, place)
        items: list[T] = []
        for raw in listed.items or ():
            try:
                items.extend(self.one(raw, place))
            except BadInput as error:
                refused(_named(raw), error.message)
        meta = listed.metadata or WireListMeta()
        return Page(tuple(items), meta.resource_version or "", meta.token or "")

    def listed(self, data: bytes, place: str = "") -> Any:
        """Decode one page without converting it. Raises BadInput."""
        return self._decoded(self._page, data, place)

    def _decoded(self, decoder: msgspec.json.Decoder[Any], data: bytes, place: str) -> Any:
        try:
            with without_collector(len(data)):
                return decoder.decode(data)
        except _UNREADABLE as error:
            raise malformed(error, data, place, f"the list of {self.resource}") from error

    def decode(self, data: bytes | msgspec.Raw, place: str = "") -> Any:
        """Decode one object without converting it. Raises BadInput."""
        try:
            return self._one.decode(data)
        except _UNREADABLE as error:
            raise malformed(error, data, place, self.kind) from error

    def _model(self, wire: Any, place: str) -> Sequence[T]:
        try:
            return self._convert(wire)
        except (BadInput, OverflowError, msgspec.MsgspecError) as error:
            raise self.unusable(wire, place, error) from error

    def unusable(self, wire: Any, place: str, error: Exception) -> BadInput:
        """Name the object whose content makes no sense."""
        meta = wire.metadata
        name = f"{self.kind} {getattr(meta, 'namespace', None) or ''}/{meta.name}".replace(" /", " ")
        detail = error.message if isinstance(error, BadInput) else str(error)
        hint = error.hint if isinstance(error, BadInput) else ""
        return BadInput(f"{name}: {detail}", object=name, hint=hint, location=Location(place))


class _Named(Wire):
    """The part of metadata that names an object."""

    name: str | None = None
    namespace: str | None = None


class _Anything(Wire):
    """An object of which only the name is read."""

    metadata: _Named | None = None


_RAW_PAGE = msgspec.json.Decoder(_Listed[msgspec.Raw])


def _named(raw: msgspec.Raw) -> str:
    try:
        meta = msgspec.json.decode(raw, type=_Anything).metadata or _Named()
    except _UNREADABLE:
        return ""
    return "/".join(part for part in (meta.namespace, meta.name) if part)
