"""HTTP for couriers: what was certainly not delivered is told apart from what may have been."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec

from shipkeeper import __version__
from shipkeeper.model.errors import BadInput, ShipkeeperError
from shipkeeper.ports.notices import Receipt
from shipkeeper.ports.secrets import Secret, redact

TIMEOUT = httpx2.Timeout(20.0, connect=10.0)
_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
    httpx2.ProxyError,
    httpx2.InvalidURL,
)
"""Raised before a byte of the request has left."""
_LARGEST = 1 << 20


class Answer(msgspec.Struct, frozen=True):
    """A service's answer: its code, and what it says."""

    code: int
    text: str
    data: Any = None
    """The body where it is JSON."""


@cache
def _trust() -> ssl.SSLContext:
    """Whom we believe: read once, for every channel."""
    return httpx2.create_ssl_context()


class Web:
    """A client that follows no redirect, since secrets would go along, and takes no more than a bounded answer."""

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        self._client = httpx2.Client(
            timeout=TIMEOUT,
            verify=_trust(),
            follow_redirects=False,
            # A kept connection may be closed under us while we write: then nobody could tell whether we were heard.
            limits=httpx2.Limits(max_keepalive_connections=0),
            headers={"User-Agent": f"shipkeeper/{__version__}", **(headers or {})},
        )

    def ask(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, json: Any = None) -> Answer:
        """One request. Raises httpx2 errors."""
        content = None if json is None else msgspec.json.encode(json)
        typed = {"Content-Type": "application/json"} if content is not None else {}
        return self.send(method, url, content, {**typed, **(headers or {})})

    def send(self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        """One request with these bytes. Raises httpx2 errors, and BadInput for a secret that no header can carry."""
        for name, value in headers.items():
            if not value.isascii() or not value.isprintable():
                raise BadInput(f"the secret for {name} has characters that no HTTP header can carry: a line break?")
        with self._client.stream(method, url, content=content, headers=dict(headers)) as response:
            data = b""
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > _LARGEST:
                    break
        try:
            body = msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            body = None
        return Answer(response.status_code, data.decode("utf-8", "replace"), body)

    def close(self) -> None:
        """Close connections. Idempotent."""
        self._client.close()


def told(work: Callable[[], Receipt], secrets: Callable[[], tuple[Secret, ...]] = tuple) -> Receipt:
    """The receipt of a delivery that speaks HTTP, whatever goes wrong in it. No secret is in its words."""
    try:
        return work()
    except _NOT_SENT as error:
        return Receipt("failed", reason=hidden(f"not reached: {error}", secrets()))
    except httpx2.HTTPError as error:
        words = hidden(str(error) or type(error).__name__, secrets())
        return Receipt("unknown", reason=f"the request left, and no answer came: {words}")
    except BadInput as error:
        return Receipt("failed", reason=hidden(error.message, secrets()))
    except ShipkeeperError as error:
        return Receipt("unknown", reason=hidden(error.message, secrets()))


def refused(answer: Answer, secrets: tuple[Secret, ...] = ()) -> Receipt:
    """The receipt of an answer that is no success. After a server's error nobody knows what it had done before."""
    said = hidden(" ".join(answer.text.split()), secrets)
    words = f"HTTP {answer.code}" + (f": {redact(said, 160)}" if said else "")
    return Receipt("unknown" if answer.code >= 500 or answer.code == 408 else "failed", reason=words)


def hidden(text: str, secrets: tuple[Secret, ...]) -> str:
    """The text with every secret in it replaced; of an address that is one, its path too, which is what is secret."""
    values = [one.reveal() for one in secrets]
    values += [urlsplit(value).path for value in values if "://" in value]
    for value in sorted(values, key=lambda one: -len(one)):
        if len(value) > 1:
            text = text.replace(value, "***")
    return text


def base(url: str, otherwise: str) -> str:
    """The service's address without a slash at its end. Raises BadInput for one that is not http(s)."""
    chosen = (url or otherwise).rstrip("/")
    if not chosen.startswith(("https://", "http://")):
        raise BadInput(
            "the channel's url is not an http or https address", hint="write it like https://git.example.net"
        )
    return chosen
