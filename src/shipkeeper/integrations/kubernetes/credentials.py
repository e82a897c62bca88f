"""The credential in use: where it comes from, when it ends, and how it is had anew."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal

import msgspec
from cryptography import x509
from msgspec import Struct

from shipkeeper.integrations.kubernetes.access import Access, CertificateFiles
from shipkeeper.integrations.kubernetes.exec_plugin import PluginAnswer, run_plugin
from shipkeeper.model.errors import Unauthenticated, UsageProblem
from shipkeeper.model.time import SECOND, instant
from shipkeeper.ports.secrets import Secret

CredentialKind = Literal["none", "token", "token-file", "certificate", "exec"]

REFRESH_BEFORE_MS = 30 * SECOND
"""A plugin is run again this long before its credential ends, so that no call starts with a dying one."""

TOKEN_FILE_AGE_MS = 10 * SECOND
"""A token file is read again after this long: the kubelet replaces projected tokens in place."""


class ClientCertificate(Struct, frozen=True):
    """PEM of a certificate (with its chain) and of its private key."""

    certificate: bytes
    key: Secret


class Credential(Struct, frozen=True):
    """What a request carries now."""

    token: Secret | None = None
    certificate: ClientCertificate | None = None
    expires_ms: int | None = None


class CredentialFacts(Struct, frozen=True):
    """What a preflight needs to know.

    ``expires_ms``: when the credential in hand ends, None when it does not tell. ``renewable``: a new one can be had
    without a person. ``interactive``: the plugin's interactiveMode (Never, IfAvailable, Always), empty without one.
    """

    kind: CredentialKind
    expires_ms: int | None = None
    renewable: bool = False
    interactive: str = ""
    command: str = ""


class Credentials:
    """Gives the current credential; runs a plugin or reads files as needed, never twice at once."""

    def __init__(
        self,
        access: Access,
        *,
        environ: Mapping[str, str],
        now_ms: Callable[[], int],
        interactive: bool = False,
        run: Callable[..., Awaitable[PluginAnswer]] = run_plugin,
    ) -> None:
        self._access, self._environ, self._now_ms = access, environ, now_ms
        self._interactive, self._run = interactive, run
        self._held: Credential | None = None
        self._read_ms = 0
        self._lock = asyncio.Lock()

    @property
    def kind(self) -> CredentialKind:
        """What the credential is. A token goes before a plugin, as with kubectl."""
        access = self._access
        if access.token_path:
            return "token-file"
        if access.token:
            return "token"
        if access.plugin:
            return "exec"
        return "certificate" if access.certificate else "none"

    async def current(self) -> Credential:
        """The credential to use now. Raises Unauthenticated and UsageProblem when there is none to be had."""
        async with self._lock:
            if self._held is None or self._stale(self._held):
                self._held = await self._obtain()
            return self._held

    async def renew(self, refused: Credential) -> Credential | None:
        """After a 401: a credential that may do better than the refused one; None when there is no other."""
        async with self._lock:
            if self._held is not None and self._held != refused:
                return self._held
            if self.kind in ("none", "token"):
                return None
            fresh = await self._obtain()
            self._held = fresh
            return fresh if self.kind == "exec" or fresh != refused else None

    async def facts(self) -> CredentialFacts:
        """Where the credential comes from and when it ends; obtains it, unless its plugin insists on a person."""
        kind = self.kind
        plugin = self._access.plugin if kind == "exec" else None
        if plugin is not None and plugin.interactive == "Always" and not self._interactive:
            return CredentialFacts(kind, interactive=plugin.interactive, command=plugin.command)
        held = await self.current()
        return CredentialFacts(
            kind=kind,
            expires_ms=held.expires_ms,
            renewable=kind in ("exec", "token-file"),
            interactive=plugin.interactive if plugin else "",
            command=plugin.command if plugin else "",
        )

    def _stale(self, held: Credential) -> bool:
        if self.kind == "token-file":
            return self._now_ms() - self._read_ms >= TOKEN_FILE_AGE_MS
        return (
            self.kind == "exec"
            and held.expires_ms is not None
            and (self._now_ms() >= held.expires_ms - REFRESH_BEFORE_MS)
        )

    async def _obtain(self) -> Credential:
        access = self._access
        self._read_ms = self._now_ms()
        certificate = _certificate(access.certificate) if access.certificate else None
        token = access.token
        expires_ms = None
        if access.token_path:
            token = self._token_from_file(access.token_path)
        elif token is None and access.plugin is not None:
            answer = await self._run(access.plugin, self._environ, interactive=self._interactive)
            token, expires_ms = answer.token, answer.expires_ms
            if answer.certificate and answer.key is not None:
                certificate = ClientCertificate(answer.certificate, answer.key)
        if token is not None:
            token = _clean(token)
        ends = [at for at in (expires_ms, _token_end(token), _certificate_end(certificate)) if at is not None]
        return Credential(token, certificate, min(ends, default=None))

    def _token_from_file(self, path: str) -> Secret:
        try:
            token = Secret(Path(path).read_text("utf-8").strip())
        except (OSError, UnicodeError) as error:
            if self._held is not None and self._held.token is not None:
                # The file is replaced at times; the last token read is good until the server says otherwise.
                return self._held.token
            if self._access.token is not None:
                return self._access.token
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise Unauthenticated(f"cannot read the token file {path}: {reason}") from None
        if not token:
            raise Unauthenticated(f"the token file {path} is empty")
        return token


def _clean(token: Secret) -> Secret:
    text = token.reveal().strip()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise Unauthenticated("the token holds characters that no HTTP header can carry", code="bad-token")
    return Secret(text)


def _certificate(files: CertificateFiles) -> ClientCertificate:
    try:
        certificate = files.certificate or Path(files.certificate_path).read_bytes()
        key = files.key or Secret(Path(files.key_path).read_text("ascii"))
    except (OSError, UnicodeError) as error:
        path = error.filename if isinstance(error, OSError) else files.key_path
        raise UsageProblem(f"cannot read the client certificate or key {path}") from None
    return ClientCertificate(certificate, key)


class _Claims(Struct):
    exp: float | None = None


def _token_end(token: Secret | None) -> int | None:
    """``exp`` of a JWT. Only a hint for planning; the API server judges the token itself."""
    parts = token.reveal().split(".") if token else []
    if len(parts) != 3:
        return None
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)), type=_Claims)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None
    return None if claims.exp is None else int(claims.exp * SECOND)


def _certificate_end(certificate: ClientCertificate | None) -> int | None:
    if certificate is None:
        return None
    try:
        chain = x509.load_pem_x509_certificates(certificate.certificate)
    except ValueError:
        raise UsageProblem("the client certificate is not PEM", code="bad-client-certificate") from None
    return instant(chain[0].not_valid_after_utc)
