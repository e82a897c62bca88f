"""The few HTTP calls of the script itself."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .certs import Pair
from .errors import PlaneError

POLL_S = 0.05


def context(ca: Path | None, client: Pair | None) -> ssl.SSLContext:
    """A TLS context for the plane; without `ca` the server's certificate is not checked."""
    made = ssl.create_default_context(cafile=str(ca) if ca else None)
    if ca is None:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if client is not None:
        made.load_cert_chain(str(client.certificate), str(client.key))
    return made


def call(
    port: int,
    path: str,
    tls: ssl.SSLContext | None,
    method: str = "GET",
    body: dict[str, Any] | None = None,
    content_type: str = "application/json",
) -> tuple[int, bytes]:
    """One request to a loopback port: status and body. Raises OSError when it can't be made."""
    connection: http.client.HTTPConnection
    if tls is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    else:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=tls)
    try:
        payload = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": content_type}
        connection.request(method, path, payload, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()


def wait_ok(
    what: str,
    port: int,
    path: str,
    tls: ssl.SSLContext | None,
    alive: Callable[[], str | None],
    seconds: float = 60.0,
) -> None:
    """Wait until a path answers 200. `alive` returns why to give up early, or None."""
    deadline = time.monotonic() + seconds
    last = "no answer"
    while time.monotonic() < deadline:
        reason = alive()
        if reason is not None:
            raise PlaneError(f"{what} ended while starting:\n{reason}")
        try:
            status, body = call(port, path, tls)
        except OSError as error:
            last = str(error)
        else:
            if status == 200:
                return
            last = f"{status} {body[-200:].decode(errors='replace')}"
        time.sleep(POLL_S)
    raise PlaneError(f"{what} is not ready after {seconds:g} s: {last}")
