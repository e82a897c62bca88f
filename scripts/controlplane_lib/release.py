"""Official release downloads, each checked against its published checksum.

kwok publishes no checksum beside its binaries, so it is never downloaded.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import sys
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from . import cache
from .errors import PlaneError, Unavailable
from .versions import Component, machine

KUBERNETES_RELEASES = "https://dl.k8s.io/release"
ETCD_RELEASES = "https://github.com/etcd-io/etcd/releases/download"
CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 60.0

_unreachable: set[str] = set()


def _reachable(url: str) -> None:
    """Raise Unavailable fast when the host can't be connected to; remembered for this process."""
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    if host in _unreachable:
        raise Unavailable(f"{host} cannot be reached")
    if any(os.environ.get(name) for name in ("https_proxy", "HTTPS_PROXY", "all_proxy")):
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S).close()
    except OSError as error:
        _unreachable.add(host)
        raise Unavailable(f"{host} cannot be reached ({error})") from error


def _fetch(url: str, target: Path) -> None:
    _reachable(url)
    try:
        with (
            urllib.request.urlopen(url, timeout=READ_TIMEOUT_S) as answer,
            target.open("wb") as out,
        ):
            shutil.copyfileobj(answer, out, 1 << 20)
            whole = answer.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        with error:
            raise Unavailable(f"{url} cannot be downloaded ({error})") from error
    except (OSError, http.client.HTTPException) as error:
        _unreachable.add(urllib.parse.urlsplit(url).hostname or "")
        raise Unavailable(f"{url} cannot be downloaded ({error})") from error
    if whole is not None and target.stat().st_size != int(whole):
        raise Unavailable(f"{url} broke off after {target.stat().st_size} of {whole} bytes")


def _check(path: Path, wanted: str, url: str) -> None:
    found = cache.digest(path)
    if found != wanted.lower():
        path.unlink()
        raise PlaneError(
            f"{url}: SHA-256 is {found}, published is {wanted}; not used. "
            "Something between here and the release site changes downloads."
        )


def _kubernetes(component: Component, folder: Path) -> Path:
    system, arch = machine()
    base = os.environ.get("SHIPKEEPER_KUBERNETES_RELEASES", KUBERNETES_RELEASES)
    url = f"{base}/{component.version}/bin/{system}/{arch}/{component.name}"
    sums = folder / f"{component.name}.sha256"
    _fetch(url + ".sha256", sums)
    target = folder / component.name
    print(f"downloading {url}", file=sys.stderr, flush=True)
    _fetch(url, target)
    _check(target, sums.read_text().split()[0], url)
    return target


def _etcd(component: Component, folder: Path) -> Path:
    system, arch = machine()
    base = os.environ.get("SHIPKEEPER_ETCD_RELEASES", ETCD_RELEASES)
    name = f"etcd-{component.version}-{system}-{arch}"
    sums = folder / "SHA256SUMS"
    _fetch(f"{base}/{component.version}/SHA256SUMS", sums)
    published = {
        parts[1].lstrip("*"): parts[0]
        for parts in (line.split() for line in sums.read_text().splitlines())
        if len(parts) == 2
    }
    archive_name = f"{name}.tar.gz"
    if archive_name not in published:
        raise Unavailable(f"etcd {component.version} is not released for {system}/{arch}")
    archive = folder / archive_name
    url = f"{base}/{component.version}/{archive_name}"
    print(f"downloading {url}", file=sys.stderr, flush=True)
    _fetch(url, archive)
    _check(archive, published[archive_name], url)
    target = folder / "etcd"
    with tarfile.open(archive) as tar:
        member = tar.extractfile(f"{name}/etcd")
        if member is None:
            raise PlaneError(f"{archive_name} holds no {name}/etcd")
        with member, target.open("wb") as out:
            while chunk := member.read(1 << 20):
                out.write(chunk)
    return target


def download(component: Component, folder: Path) -> Path:
    """Download one component into `folder`.

    Raises Unavailable when it can't be had, PlaneError when the checksum differs.
    """
    if component.is_kubernetes:
        return _kubernetes(component, folder)
    if component.name == "etcd":
        return _etcd(component, folder)
    raise Unavailable(f"{component.name} publishes no checksum beside its release binaries")
