"""A real HTTP server on loopback that keeps what it is sent and answers as the test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """``hang``: no answer at all until the server stops; ``drop``: the connection ends without one."""

    code: int = 200
    body: Any = "ok"
    hang: bool = False
    drop: bool = False
    location: str = ""


@dataclass
class Site:
    """``answer`` is asked for each request, in turn."""

    answer: Callable[[Request], Reply] = lambda request: Reply()
    asked: list[Request] = field(default_factory=list)
    url: str = ""
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(answer: Callable[[Request], Reply] | None = None) -> Iterator[Site]:
    site = Site() if answer is None else Site(answer)

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            request = Request(
                self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, self.rfile.read(size)
            )
            site.asked.append(request)
            reply = site.answer(request)
            if reply.hang:
                site.ended.wait(20)
            if reply.hang or reply.drop:
                self.close_connection = True
                return
            plain = isinstance(reply.body, str)
            data = reply.body.encode() if plain else json.dumps(reply.body).encode()
            self.send_response(reply.code)
            self.send_header("Content-Type", "text/plain" if plain else "application/json")
            self.send_header("Content-Length", str(len(data)))
            if reply.location:
                self.send_header("Location", reply.location)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _serve

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        site.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
