"""Which proxy leads to the API server: the context's own, else the environment's, by Go's rules.

Source: golang.org/x/net/http/httpproxy, which kubectl uses: loopback is never proxied; ``NO_PROXY`` holds host names
(with their subdomains), names with a leading dot (subdomains only), addresses, CIDR blocks and ``*``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import ipaddress
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from shipkeeper.model.errors import MissingExtra, UsageProblem
from shipkeeper.ports.secrets import Secret

_SCHEMES = ("http", "https", "socks5", "socks5h")


def proxy_for(server: str, own: Secret | None, environ: Mapping[str, str]) -> Secret | None:
    """The proxy for this server, None for none. Raises UsageProblem for one that cannot be used."""
    parts = urlsplit(server)
    chosen = own or _from_environment(parts, environ)
    if chosen is None:
        return None
    text = chosen.reveal()
    scheme = urlsplit(text).scheme if "://" in text else "http"
    if scheme not in _SCHEMES:
        # Never quote the address: it may hold a password.
        told = "its cluster's proxy-url in the kubeconfig" if own else "HTTPS_PROXY and the like"
        raise UsageProblem(
            f"the proxy for {server} is none of http, https and socks5", code="bad-proxy", hint=f"mend {told}"
        )
    if scheme.startswith("socks"):
        _need_socks()
    return Secret(text if "://" in text else f"http://{text}")


def _need_socks() -> None:
    if importlib.util.find_spec("socksio") is None:  # what the HTTP library needs for SOCKS
        raise MissingExtra(
            "a SOCKS proxy needs the package socksio",
            hint="install it next to Shipkeeper: python -m pip install socksio",
        )


def _from_environment(server: SplitResult, environ: Mapping[str, str]) -> Secret | None:
    host = (server.hostname or "").lower()
    port = server.port or (443 if server.scheme == "https" else 80)
    name = f"{server.scheme}_proxy"
    value = environ.get(name.upper()) or environ.get(name) or ""
    excluded = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    if not value or _is_loopback(host) or _is_excluded(host, port, excluded):
        return None
    return Secret(value)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _is_excluded(host: str, port: int, excluded: str) -> bool:
    for part in excluded.split(","):
        pattern = part.strip().lower()
        if pattern == "*" or (pattern and _matches(host, port, pattern)):
            return True
    return False


def _matches(host: str, port: int, pattern: str) -> bool:
    with contextlib.suppress(ValueError):
        block = ipaddress.ip_network(pattern, strict=False)
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(host)
            return address.version == block.version and address in block
        return False
    name, colon, wanted = pattern.rpartition(":")
    if colon and wanted.isdecimal():
        if int(wanted) != port:
            return False
        pattern = name.strip("[]")
    pattern = pattern.removeprefix("*")
    if pattern.startswith("."):
        return host.endswith(pattern)
    return host == pattern or host.endswith(f".{pattern}")
