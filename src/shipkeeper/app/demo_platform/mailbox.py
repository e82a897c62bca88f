"""Where the demo's notices really arrive: a webhook's receiver on this machine's loopback, for as long as the demo."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any

VARIABLE = "SHIPKEEPER_DEMO_MAILBOX"
"""What the demo's platform file names as the place of the channel's address."""
_LARGEST = 1 << 20


class Mailbox:
    """Takes letters, and keeps them in ``letters``. A context manager."""

    def __init__(self) -> None:
        self.letters: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}/notices"

    def __enter__(self) -> Mailbox:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        letters = self.letters

        class Handler(BaseHTTPRequestHandler):
            """Takes a letter in."""

            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                if not 0 < size <= _LARGEST:
                    self.send_error(413)
                    return
                letters.append(json.loads(self.rfile.read(size)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: the verb that sends says what became of it."""

        return Handler
