"""HTTP to the API server: credentials, timeouts, retries that are safe, and warnings the server gives."""

from __future__ import annotations

import asyncio
import platform
import re
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import httpx2

from shipkeeper import __version__
from shipkeeper.integrations.kubernetes.access import Access
from shipkeeper.integrations.kubernetes.calls import Answer, Call, failure, unauthenticated
from shipkeeper.integrations.kubernetes.credentials import ClientCertificate, Credential, Credentials
from shipkeeper.integrations.kubernetes.proxies import proxy_for
from shipkeeper.integrations.kubernetes.timing import Timing
from shipkeeper.integrations.kubernetes.tls import tls_context
from shipkeeper.model.errors import Failed, ShipkeeperError, Unreachable, UsageProblem
from shipkeeper.model.time import SECOND
from shipkeeper.ports.secrets import redact

USER_AGENT = f"shipkeeper/{__version__} ({platform.system().lower()}/{platform.machine()})"
_WARNING = re.compile(r'299 (?:"[^"]*"|\S+) "((?:[^"\\]|\\.)*)"')
_SHORT_TROUBLE = (502, 503, 504)
_SHORT_RETRIES = 3


def _keepalive_options() -> list[tuple[int, int, int]]:
    """Make the kernel notice a peer that is gone within about a minute, also while a watch is silent."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options


class _Session:
    """Connections made with one client certificate; closed when nobody uses it any more."""

    def __init__(self, client: httpx2.AsyncClient, certificate: ClientCertificate | None) -> None:
        self.client, self.certificate = client, certificate
        self.users = 0


class Transport:
    """Sends calls to one API server. One event loop; close it with ``aclose``."""

    def __init__(
        self,
        access: Access,
        credentials: Credentials,
        *,
        environ: Mapping[str, str],
        timing: Timing,
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        self.access, self.credentials, self.timing = access, credentials, timing
        self._environ = environ
        self._on_warning = on_warning
        self._warned: set[str] = set()
        self._session: _Session | None = None
        for warning in access.warnings:
            self._warn(warning)

    async def ask(self, call: Call) -> Answer:
        """Send a call that must succeed. Raises what ``failure`` says, or what ``send`` raises."""
        answer = await self.send(call)
        if answer.code >= 400:
            raise failure(call, answer)
        return answer

    async def send(self, call: Call) -> Answer:
        """Send a call; an answer of any code comes back, after the retries that ``call.retry`` allows.

        Raises Unreachable, Unauthenticated (401 also with a renewed credential) and UsageProblem.
        """
        busy = short = 0
        while True:
            try:
                answer = await self._send_as_someone(call)
            except Unreachable as error:
                if call.retry != "read" or short or error.code != "unreachable":
                    raise
                short += 1
                await self.timing.pause(self.timing.backoff_ms(0))
                continue
            if answer.is_busy and call.retry != "never" and busy < self.timing.busy_retries:
                asked_ms = min(answer.retry_after_ms, self.timing.longest_retry_ms)
                await self.timing.pause(asked_ms or self.timing.backoff_ms(busy))
                busy += 1
            elif answer.code in _SHORT_TROUBLE and call.retry == "read" and short < _SHORT_RETRIES:
                await self.timing.pause(answer.retry_after_ms or self.timing.backoff_ms(short))
                short += 1
            else:
                return answer

    async def _send_as_someone(self, call: Call) -> Answer:
        """One attempt; a 401 runs the credential once more. A 401 means that nothing was done, whatever the verb."""
        credential = await self.credentials.current()
        answer = await self._send_once(call, credential)
        if answer.code != 401:
            return answer
        renewed = await self.credentials.renew(credential)
        if renewed is None:
            raise unauthenticated(call, answer.message)
        answer = await self._send_once(call, renewed)
        if answer.code == 401:
            raise unauthenticated(call, answer.message)
        return answer

    async def _send_once(self, call: Call, credential: Credential) -> Answer:
        timing = self.timing
        try:
            async with (
                asyncio.timeout(timing.answer_ms / SECOND),
                self._open(call, credential, timing.answer_ms) as got,
            ):
                body = await got.aread()
                return Answer(got.status_code, body, {key.lower(): value for key, value in got.headers.items()})
        except TimeoutError:
            raise self._unreachable(call, f"no whole answer within {timing.answer_ms // SECOND} s", "timeout") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self.trouble(call, error) from None

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[httpx2.Response]:
        """Open an answer that goes on. Raises what ``ask`` raises for the opening; trouble on the way is httpx2's.

        A pause of ``timing.silence_ms`` ends the stream with ``httpx2.ReadTimeout``.
        """
        credential = await self.credentials.current()
        async with self._open(call, credential, self.timing.silence_ms) as response:
            if response.status_code != 401:
                await self._refuse_failure(call, response)
                yield response
                return
        renewed = await self.credentials.renew(credential)
        if renewed is None:
            raise unauthenticated(call)
        async with self._open(call, renewed, self.timing.silence_ms) as response:
            await self._refuse_failure(call, response)
            yield response

    async def _refuse_failure(self, call: Call, response: httpx2.Response) -> None:
        if response.status_code >= 400:
            body = await response.aread()
            headers = {key.lower(): value for key, value in response.headers.items()}
            raise failure(call, Answer(response.status_code, body, headers))

    @asynccontextmanager
    async def _open(self, call: Call, credential: Credential, silence_ms: int) -> AsyncIterator[httpx2.Response]:
        session = await self._session_for(credential.certificate)
        session.users += 1
        try:
            request = session.client.build_request(
                call.method,
                self.access.server + call.path,
                params=list(call.query) or None,
                content=call.body or None,
                headers=self._headers(call, credential),
                timeout=httpx2.Timeout(silence_ms / SECOND, connect=self.timing.connect_ms / SECOND),
                extensions={"sni_hostname": self.access.tls_server_name} if self.access.tls_server_name else None,
            )
            response = await session.client.send(request, stream=True)
            try:
                self._tell_warnings(response)
                yield response
            finally:
                await response.aclose()
        finally:
            session.users -= 1
            await self._close_if_left(session)

    def _headers(self, call: Call, credential: Credential) -> list[tuple[str, str]]:
        headers = [
            ("Accept", call.accept),
            ("Accept-Encoding", "gzip" if self.access.compression else "identity"),
            ("User-Agent", USER_AGENT),
            *self.access.impersonate,
        ]
        if call.body:
            headers.append(("Content-Type", call.content_type))
        if credential.token is not None:
            headers.append(("Authorization", f"Bearer {credential.token.reveal()}"))
        return headers

    async def _session_for(self, certificate: ClientCertificate | None) -> _Session:
        session = self._session
        if session is not None and session.certificate == certificate:
            return session
        self._session = _Session(self._client(certificate), certificate)
        if session is not None:
            await self._close_if_left(session)
        return self._session

    async def _close_if_left(self, session: _Session) -> None:
        if session is not self._session and session.users == 0:
            await session.client.aclose()

    def _client(self, certificate: ClientCertificate | None) -> httpx2.AsyncClient:
        proxy = proxy_for(self.access.server, self.access.proxy_url, self._environ)
        transport = httpx2.AsyncHTTPTransport(
            verify=tls_context(self.access, certificate, self._environ),
            trust_env=False,
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=30),
            proxy=proxy.reveal() if proxy else None,
            socket_options=_keepalive_options(),
        )
        return httpx2.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)

    def trouble(self, call: Call, error: Exception) -> ShipkeeperError:
        """What a failure below HTTP means. Its text is cut and freed from anything like a credential."""
        if isinstance(error, (httpx2.UnsupportedProtocol, httpx2.InvalidURL, httpx2.LocalProtocolError)):
            return UsageProblem(
                f"{call.words}: the request cannot be sent ({type(error).__name__})", code="bad-request"
            )
        if isinstance(error, httpx2.TimeoutException):
            return self._unreachable(call, "no answer in time", "timeout")
        return self._unreachable(call, redact(str(error)) or type(error).__name__)

    def _unreachable(self, call: Call, detail: str, code: str = "") -> Unreachable:
        server = self.access.server
        hint = f"check that {server} can be reached from here: kubectl --context {self.access.context} get --raw /livez"
        if "CERTIFICATE_VERIFY_FAILED" in detail:
            hint = (
                "the server's certificate is not signed by the context's certificate-authority, or is for another name"
            )
        return Unreachable(f"{call.words}: cannot reach {server}: {detail}", code=code, object=server, hint=hint)

    def _tell_warnings(self, response: httpx2.Response) -> None:
        for value in response.headers.get_list("warning"):
            for text in _WARNING.findall(value):
                self._warn(redact(re.sub(r"\\(.)", r"\1", text)))

    def _warn(self, text: str) -> None:
        if self._on_warning is not None and text not in self._warned:
            self._warned.add(text)
            self._on_warning(text)

    async def aclose(self) -> None:
        """Close all connections. Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.client.aclose()


def server_time_ms(call: Call, answer: Answer) -> int:
    """The server's clock in an answer, epoch milliseconds. Raises Failed when it did not tell."""
    at_ms = answer.date_ms
    if at_ms is None:
        raise Failed(f"{call.words}: the answer carries no Date, so the clocks cannot be compared", code="no-date")
    return at_ms
