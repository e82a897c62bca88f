"""Fetch and publish artefacts of one blob over the OCI distribution API. Every byte is held against its digest."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx2
import msgspec

from shipkeeper import __version__
from shipkeeper.integrations.oci.challenge import Challenge, is_private, read_challenge
from shipkeeper.integrations.oci.reference import Reference
from shipkeeper.model.errors import (
    BadInput,
    Failed,
    Forbidden,
    ShipkeeperError,
    Unauthenticated,
    Unreachable,
    UsageProblem,
)
from shipkeeper.ports.secrets import Secret, redact

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
BYTES = "application/octet-stream"
EMPTY_BLOB = b"{}"
LARGEST_MANIFEST = 1 << 20
_TIMEOUT = httpx2.Timeout(60, connect=15)
_HOPS = 5


class Artefact(NamedTuple):
    """What was fetched: the blob, and the digest of the manifest that named it."""

    data: bytes
    digest: str


class _Descriptor(msgspec.Struct, rename="camel"):
    media_type: str
    digest: str
    size: int


class _Manifest(msgspec.Struct, rename="camel"):
    layers: tuple[_Descriptor, ...]
    media_type: str = ""


class _Token(msgspec.Struct):
    token: str = ""
    access_token: str = ""


class Registry:
    """A session with the registry of one repository. Close it, or use it in ``with``."""

    def __init__(
        self,
        reference: Reference,
        *,
        username: str = "",
        password: Secret | None = None,
        ca: Path | None = None,
        plain_http: bool = False,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """``plain_http`` is refused for a registry on another machine. ``transport`` is for tests."""
        if plain_http and not reference.is_loopback:
            raise UsageProblem(
                f"{reference.registry} is not on this machine, and would be spoken to without TLS",
                code="plain-http",
                object=reference.registry,
                why="whoever sits on the way could change what is fetched, and read the password",
                hint="give its certificate authority with --ca FILE instead",
            )
        self._reference = reference
        self._base = f"{'http' if plain_http else 'https'}://{reference.registry}/v2/{reference.repository}/"
        self._account = (username, password) if username and password else None
        self._authorization = ""
        self._client = httpx2.Client(
            transport=transport,
            verify=_trust(ca),
            timeout=_TIMEOUT,
            follow_redirects=False,
            headers={"User-Agent": f"shipkeeper/{__version__}"},
        )

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._client.close()

    def pull(self, media_type: str, largest: int) -> Artefact:
        """The artefact's one blob of that media type. Raises BadInput when there is another number of them."""
        wanted = self._reference
        status, data, headers = self._ask("GET", f"manifests/{wanted.version}", LARGEST_MANIFEST, accept=MANIFEST)
        self._expect(status, (200,), f"no artefact {wanted} could be fetched", data)
        digest = _digest(data)
        if wanted.digest and digest != wanted.digest:
            raise self._other_content(f"the manifest of {wanted}")
        try:
            manifest = msgspec.json.decode(data, type=_Manifest)
        except msgspec.MsgspecError as error:
            raise self._not_ours(f"its manifest is none of one artefact ({headers.get('content-type', '')})") from error
        layers = [layer for layer in manifest.layers if layer.media_type == media_type]
        if len(layers) != 1:
            raise self._not_ours(f"it has {len(layers)} parts of type {media_type}")
        if layers[0].size > largest:
            raise self._not_ours(f"it is larger than {largest >> 20} MiB")
        status, blob, _ = self._ask("GET", f"blobs/{layers[0].digest}", largest)
        self._expect(status, (200,), f"the content of {wanted} could not be fetched", blob)
        if _digest(blob) != layers[0].digest:
            raise self._other_content(f"the content of {wanted}")
        return Artefact(blob, digest)

    def push(self, data: bytes, media_type: str, annotations: Mapping[str, str]) -> str:
        """Publish a blob as an artefact under the reference's tag: content first, its name last. Returns the digest."""
        if not self._reference.tag:
            raise UsageProblem(f"{self._reference} names no tag to publish under", code="bad-reference")
        for blob in (EMPTY_BLOB, data):
            self._put_blob(blob)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": media_type,
            "config": {"mediaType": EMPTY, "digest": _digest(EMPTY_BLOB), "size": len(EMPTY_BLOB)},
            "layers": [{"mediaType": media_type, "digest": _digest(data), "size": len(data)}],
            "annotations": dict(sorted(annotations.items())),
        }
        body = msgspec.json.encode(manifest)
        status, told, _ = self._ask(
            "PUT", f"manifests/{self._reference.tag}", LARGEST_MANIFEST, content=body, media_type=MANIFEST
        )
        self._expect(status, (200, 201), f"{self._reference} could not be published", told)
        return _digest(body)

    def _put_blob(self, blob: bytes) -> None:
        digest = _digest(blob)
        status, _, _ = self._ask("HEAD", f"blobs/{digest}", 0)
        if status == 200:
            return
        status, told, headers = self._ask("POST", "blobs/uploads/", LARGEST_MANIFEST, content=b"")
        self._expect(status, (202,), f"{self._reference.registry} takes no upload", told)
        place = urljoin(self._base + "blobs/uploads/", headers.get("location", ""))
        target = f"{place}{'&' if urlsplit(place).query else '?'}digest={digest}"
        status, told, _ = self._ask("PUT", target, LARGEST_MANIFEST, content=blob, media_type=BYTES)
        self._expect(status, (201,), "the content could not be uploaded", told)

    def _ask(
        self, method: str, path: str, largest: int, *, accept: str = "*/*", content: bytes | None = None,
        media_type: str = "",
    ) -> tuple[int, bytes, httpx2.Headers]:  # fmt: skip
        """One request; a 401 is answered once with what it asks for."""
        url = urljoin(self._base, path)
        headers = {"Accept": accept, **({"Content-Type": media_type} if media_type else {})}
        for attempt in (1, 2):
            status, data, told = self._send(method, url, headers, content, largest)
            if status != 401 or attempt == 2:
                break
            challenge = read_challenge(told.get("www-authenticate", ""))
            if challenge is None or not self._answer(challenge):
                break
        return status, data, told

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, largest: int
    ) -> tuple[int, bytes, httpx2.Headers]:
        """Follow redirects by hand: credentials go to the registry only, and never from TLS to none."""
        for _ in range(_HOPS):
            own = urlsplit(url).netloc == urlsplit(self._base).netloc
            extra = {"Authorization": self._authorization} if own and self._authorization else {}
            try:
                with self._client.stream(method, url, headers={**headers, **extra}, content=content) as response:
                    if response.status_code in (301, 302, 303, 307, 308) and response.has_redirect_location:
                        url = self._follow(url, response)
                        continue
                    return response.status_code, _read(response, largest, self._reference), response.headers
            except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError) as error:
                raise self._unreachable(error) from error
        raise Failed(f"{self._reference.registry} redirects without end", object=str(self._reference))

    def _follow(self, url: str, response: httpx2.Response) -> str:
        target = urljoin(url, response.headers["location"])
        if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
            raise Failed(f"{self._reference.registry} redirects from https to {urlsplit(target).scheme}")
        return target

    def _answer(self, challenge: Challenge) -> bool:
        """Get what the challenge asks for; whether there is something new to try."""
        before = self._authorization
        if challenge.scheme == "basic":
            if self._account and is_private(self._base, self._reference.is_loopback):
                self._authorization = _basic(*self._account)
            return self._authorization != before
        if not is_private(challenge.realm, self._reference.is_loopback):
            raise Failed(f"{self._reference.registry} wants credentials sent without TLS, to {challenge.realm}")
        headers = {"Authorization": _basic(*self._account)} if self._account else {}
        try:
            answer = self._client.get(challenge.realm, params=dict(challenge.query()), headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError) as error:
            raise self._unreachable(error) from error
        if answer.status_code != 200 or len(answer.content) > LARGEST_MANIFEST:
            return False
        try:
            token = msgspec.json.decode(answer.content, type=_Token)
        except msgspec.MsgspecError:
            return False
        self._authorization = f"Bearer {token.token or token.access_token}"
        return bool(token.token or token.access_token) and self._authorization != before

    def _expect(self, status: int, wanted: tuple[int, ...], message: str, data: bytes) -> None:
        if status in wanted:
            return
        told = redact(data[:300].decode(errors="replace"))
        words = f"{message}: HTTP {status}" + (f" {told}" if told else "")
        hint = "give an account with --username NAME --password-from env:NAME or file:PATH"
        kinds: dict[int, type[ShipkeeperError]] = {401: Unauthenticated, 403: Forbidden, 404: BadInput}
        kind = kinds.get(status, Failed)
        if status == 404:
            hint = "check the repository and the tag: nothing of that name is there"
        raise kind(words, object=str(self._reference), hint=hint if status in kinds else "")

    def _unreachable(self, error: Exception) -> ShipkeeperError:
        detail = redact(str(error)) or type(error).__name__
        hint = "check the name, the network and the proxy"
        if "CERTIFICATE_VERIFY_FAILED" in detail:
            hint = "its certificate is not trusted here: give its certificate authority with --ca FILE"
        elif "WRONG_VERSION_NUMBER" in detail:
            hint = "it does not speak TLS; --plain-http is for a registry on this machine"
        return Unreachable(
            f"{self._reference.registry} cannot be reached: {detail}", object=str(self._reference), hint=hint
        )

    def _other_content(self, what: str) -> BadInput:
        return BadInput(
            f"{what} is not what its digest says",
            code="digest-mismatch",
            object=str(self._reference),
            why="it was changed on the way or in the registry",
        )

    def _not_ours(self, told: str) -> BadInput:
        return BadInput(f"{self._reference} is not such an artefact: {told}", object=str(self._reference))


def _read(response: httpx2.Response, largest: int, reference: Reference) -> bytes:
    data = bytearray()
    for piece in response.iter_bytes():
        data += piece
        if len(data) > largest:
            raise BadInput(f"{reference.registry} sends more than {largest} bytes", object=str(reference))
    return bytes(data)


def _basic(username: str, password: Secret) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password.reveal()}".encode()).decode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _trust(ca: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
    except (OSError, ssl.SSLError) as error:
        raise UsageProblem(f"{ca} is no certificate authority (PEM): {error}", code="bad-ca", object=str(ca)) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Authorities of one's own often lack what Python 3.13 asks for by default; other clients of registries do not ask.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
