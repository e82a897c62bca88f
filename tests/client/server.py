"""A small HTTP/1.1 server on loopback that answers as the test says, byte by byte where that matters."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """What the client sent."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """A whole answer; a dict becomes JSON."""

    code: int = 200
    body: bytes | dict[str, Any] = b""
    headers: dict[str, str] = field(default_factory=dict)
    gzip: bool = False


@dataclass(frozen=True)
class Stream:
    """A chunked answer. ``cut`` ends the connection in the middle of a chunk, instead of ending the answer."""

    chunks: tuple[bytes | Callable[[], Awaitable[None]], ...] = ()
    cut: bool = False


Handler = Callable[[Request], Reply | Stream]


class FakeApi:
    """Serves with ``handler`` and remembers every request."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.requests: list[Request] = []
        self.port = 0
        self.in_flight = self.most_in_flight = 0
        self.peer_certificates: list[dict[str, Any] | None] = []
        self._hold: asyncio.Event | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hold(self) -> asyncio.Event:
        """Answers wait from now on, until the event is set."""
        self._hold = asyncio.Event()
        return self._hold

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    @contextlib.asynccontextmanager
    async def running(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[FakeApi]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            tls = writer.get_extra_info("ssl_object")
            self.peer_certificates.append(tls.getpeercert() if tls else None)
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(Exception):
                await writer.wait_closed()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        parts = urlsplit(target)
        request = Request(method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), headers, body)
        self.requests.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            reply = self.handler(request)
            if self._hold is not None:
                await self._hold.wait()
            if isinstance(reply, Stream):
                return await self._stream(writer, reply)
            await self._reply(writer, reply)
            return True
        finally:
            self.in_flight -= 1

    async def _reply(self, writer: asyncio.StreamWriter, reply: Reply) -> None:
        body = json.dumps(reply.body).encode() if isinstance(reply.body, dict) else reply.body
        headers = {"Content-Type": "application/json", "Date": "Sat, 21 Nov 2026 12:00:00 GMT", **reply.headers}
        if reply.gzip:
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(body))
        head = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        writer.write(f"HTTP/1.1 {reply.code} X\r\n{head}\r\n".encode() + body)
        await writer.drain()

    async def _stream(self, writer: asyncio.StreamWriter, reply: Stream) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        for index, chunk in enumerate(reply.chunks):
            if not isinstance(chunk, bytes):
                await writer.drain()
                await chunk()
            elif reply.cut and index == len(reply.chunks) - 1:
                writer.write(f"{len(chunk) + 50:x}\r\n".encode() + chunk)
                await writer.drain()
                return False
            else:
                writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


def script(*replies: Reply | Stream) -> Handler:
    """One reply after the other; the last one for ever."""
    left = list(replies)
    return lambda request: left.pop(0) if len(left) > 1 else left[0]


def failure(code: int, reason: str = "", message: str = "", **details: Any) -> Reply:
    """A Status of failure, as the API server writes it."""
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    if details:
        status["details"] = details
    return Reply(code, status)
