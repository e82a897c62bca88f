"""TLS and proxies against real sockets on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from shipkeeper.integrations.kubernetes.access import Access, CertificateFiles, ExecPlugin
from shipkeeper.integrations.kubernetes.connect import Connection
from shipkeeper.integrations.kubernetes.credentials import ClientCertificate, Credentials
from shipkeeper.integrations.kubernetes.exec_plugin import PluginAnswer
from shipkeeper.integrations.kubernetes.proxies import proxy_for
from shipkeeper.integrations.kubernetes.tls import tls_context
from shipkeeper.integrations.kubernetes.transport import Transport
from shipkeeper.model.errors import MissingExtra, Unreachable, UsageProblem
from shipkeeper.model.nodes import Node
from shipkeeper.ports.secrets import Secret
from tests.client.authority import Authority, Pair
from tests.client.helpers import CANARY, Clock, node, run
from tests.client.server import FakeApi, Reply, failure, script

OK = Reply(200, node("n1"))


def client_of(pair: Pair) -> CertificateFiles:
    return CertificateFiles(certificate=pair.certificate, key=Secret(pair.key))


def reach(
    tmp_path: Path, make: Callable[[Authority, int], Access], *, environ: dict[str, str] | None = None, **names: Any
) -> FakeApi:
    """Read a node over TLS; the server, to ask what it saw."""
    authority = Authority.make()
    served: list[FakeApi] = []

    async def main() -> None:
        tls = authority.server_context(authority.leaf("server", **names), tmp_path / "server", ask_client=True)
        async with FakeApi(script(OK)).running(tls) as api:
            served.append(api)
            link = Connection(make(authority, api.port), environ=environ or {}, timing=Clock().timing())
            async with link:
                assert (await link.cluster.get(Node, "n1")).name == "n1"

    run(main)
    return served[0]


def test_the_contexts_authority_is_what_the_server_is_checked_against(tmp_path: Path) -> None:
    reach(tmp_path, lambda ca, port: Access(f"https://127.0.0.1:{port}", ca=ca.pem), addresses=("127.0.0.1",))


def test_another_authority_is_not_believed(tmp_path: Path) -> None:
    other = Authority.make("other").pem
    with pytest.raises(Unreachable) as error:
        reach(tmp_path, lambda ca, port: Access(f"https://127.0.0.1:{port}", ca=other), addresses=("127.0.0.1",))
    assert "certificate-authority" in error.value.hint, "the fix is in the kubeconfig, not in the network"


def test_another_name_is_not_believed_unless_it_is_the_one_given(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        reach(tmp_path, lambda ca, port: Access(f"https://127.0.0.1:{port}", ca=ca.pem), names=("kube.example",))
    reach(
        tmp_path,
        lambda ca, port: Access(f"https://127.0.0.1:{port}", ca=ca.pem, tls_server_name="kube.example"),
        names=("kube.example",),
    )


def test_skipping_the_check_skips_it(tmp_path: Path) -> None:
    reach(tmp_path, lambda ca, port: Access(f"https://127.0.0.1:{port}", insecure=True), names=("kube.example",))


def test_a_client_certificate_is_shown_and_its_key_leaves_no_file(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir()

    def access(authority: Authority, port: int) -> Access:
        client = client_of(authority.leaf("night-runner"))
        return Access(f"https://127.0.0.1:{port}", ca=authority.pem, certificate=client)

    api = reach(tmp_path, access, environ={"XDG_RUNTIME_DIR": str(runtime)}, addresses=("127.0.0.1",))
    assert api.peer_certificates[0] is not None
    assert ((("commonName", "night-runner"),)) in api.peer_certificates[0]["subject"]
    assert list(runtime.iterdir()) == [], "a private key must not stay on disk"


def test_the_keys_file_is_ours_alone_while_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    loaded = ssl.SSLContext.load_cert_chain

    def watched(self: ssl.SSLContext, path: Any, *rest: Any, **more: Any) -> None:
        seen.append((os.stat(path).st_mode & 0o777, os.stat(os.path.dirname(path)).st_mode & 0o777))
        loaded(self, path, *rest, **more)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watched)
    pair = Authority.make().leaf("x")
    tls_context(Access("https://k"), ClientCertificate(pair.certificate, Secret(pair.key)), {})
    assert seen == [(0o600, 0o700)]


def test_a_certificate_in_files_is_read_when_needed(tmp_path: Path) -> None:
    def access(authority: Authority, port: int) -> Access:
        certificate, key = authority.leaf("from-files").files(tmp_path / "client")
        files = CertificateFiles(certificate_path=certificate, key_path=key)
        return Access(f"https://127.0.0.1:{port}", ca=authority.pem, certificate=files)

    api = reach(tmp_path, access, addresses=("127.0.0.1",))
    assert api.peer_certificates[0], "the server asked who we are"


@pytest.mark.parametrize("broken", ["key of another", "encrypted key", "no PEM"])
def test_a_pair_that_cannot_be_used_is_refused_without_asking_at_the_terminal(broken: str) -> None:
    authority = Authority.make()
    pair, other = authority.leaf("a"), authority.leaf("b")
    key = ec.generate_private_key(ec.SECP256R1())
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw")).decode()
    keys = {"key of another": other.key, "encrypted key": encrypted, "no PEM": "nonsense"}
    with pytest.raises(UsageProblem) as error:
        tls_context(Access("https://k"), ClientCertificate(pair.certificate, Secret(keys[broken])), {})
    assert "unencrypted key" in error.value.hint


def test_a_new_certificate_of_a_plugin_is_used_on_new_connections(tmp_path: Path) -> None:
    authority = Authority.make()

    async def main() -> None:
        runs = 0

        async def plugin(*given: object, **more: object) -> PluginAnswer:
            nonlocal runs
            runs += 1
            pair = authority.leaf(f"run-{runs}")
            return PluginAnswer(certificate=pair.certificate, key=Secret(pair.key))

        tls = authority.server_context(authority.leaf("s", addresses=("127.0.0.1",)), tmp_path, ask_client=True)
        async with FakeApi(script(failure(401, "Unauthorized"), OK)).running(tls) as api:
            made = ExecPlugin("p", (), (), "client.authentication.k8s.io/v1", "Never")
            access = Access(f"https://127.0.0.1:{api.port}", ca=authority.pem, plugin=made)
            timing = Clock().timing()
            held = Credentials(access, environ={}, now_ms=timing.now_ms, run=plugin)
            link = Connection(access, environ={}, timing=timing)
            link.transport = Transport(access, held, environ={}, timing=timing)
            link.cluster = type(link.cluster)(link.transport)
            async with link:
                assert (await link.cluster.get(Node, "n1")).name == "n1"
            subjects = [found["subject"][0][0][1] for found in api.peer_certificates if found]
            assert subjects == ["run-1", "run-2"], "the refused certificate must not be shown again"

    run(main)


def test_the_digest_of_the_authority_ignores_layout_and_order() -> None:
    one, two = Authority.make("one").pem, Authority.make("two").pem
    digest = Access("https://k", ca=one + two).ca_digest
    assert Access("https://k", ca=b"# ours\n" + two + b"\n\n" + one.replace(b"\n", b"\r\n")).ca_digest == digest
    assert Access("https://k", ca=one).ca_digest != digest
    assert Access("https://k").ca_digest == ""
    many = [Authority.make(f"ca-{i}").pem for i in range(8)]
    der = [x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER) for pem in many]
    expected = hashlib.sha256(b"".join(sorted(der))).hexdigest()
    assert Access("https://k", ca=b"".join(many)).ca_digest == expected, "the same on every machine and run"


def test_what_python_3_13_asks_of_an_authority_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def strict(**given: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    context = tls_context(Access("https://k"), None, {})
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT, "clusters that kubectl reaches would be refused"
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


class Proxy:
    """An HTTP proxy that tunnels and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.port = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._tasks: set[asyncio.Task[None]] = set()
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        password = next((line for line in lines if line.lower().startswith("proxy-authorization")), "")
        self.asked.append((first, password))
        host, _, port = first.split(" ")[1].partition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            for end in (writer, far_writer):
                end.close()
                with contextlib.suppress(Exception, asyncio.CancelledError):
                    await end.wait_closed()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()


def test_the_contexts_proxy_is_used_with_its_password_and_the_tls_name(tmp_path: Path) -> None:
    authority = Authority.make()

    async def main() -> None:
        tls = authority.server_context(authority.leaf("s", names=("kube.example",)), tmp_path)
        async with FakeApi(script(OK)).running(tls) as api, Proxy().running() as proxy:
            access = Access(
                f"https://127.0.0.1:{api.port}",
                ca=authority.pem,
                tls_server_name="kube.example",
                proxy_url=Secret(f"http://joe:pw@127.0.0.1:{proxy.port}"),
            )
            async with Connection(access, environ={}, timing=Clock().timing()) as link:
                assert (await link.cluster.get(Node, "n1")).name == "n1"
            assert proxy.asked[0][0] == f"CONNECT 127.0.0.1:{api.port} HTTP/1.1"
            assert proxy.asked[0][1].lower().startswith("proxy-authorization: basic ")

    run(main)


def test_a_proxy_that_is_gone_is_unreachable_and_its_password_unsaid() -> None:
    async def main() -> None:
        async with Proxy().running() as proxy:
            port = proxy.port
        access = Access("https://k.example:6443", proxy_url=Secret(f"http://joe:{CANARY}@127.0.0.1:{port}"))
        async with Connection(access, environ={}, timing=Clock().timing()) as link:
            with pytest.raises(Unreachable) as error:
                await link.cluster.get(Node, "n1")
        assert CANARY not in str(error.value) + error.value.hint

    run(main)


ENV = {"HTTPS_PROXY": "proxy:3128", "HTTP_PROXY": "http://plain:3128"}


@pytest.mark.parametrize(
    ("server", "excluded", "expected"),
    [
        ("https://k.example:6443", "", "http://proxy:3128"),
        ("http://k.example", "", "http://plain:3128"),
        ("https://127.0.0.1:6443", "", None),
        ("https://[::1]:6443", "", None),
        ("https://localhost:6443", "", None),
        ("https://k.example", "*", None),
        ("https://k.example", "other, k.example", None),
        ("https://api.k.example", "k.example", None),
        ("https://k.example", ".k.example", "http://proxy:3128"),
        ("https://api.k.example", ".k.example", None),
        ("https://api.k.example", "*.k.example", None),
        ("https://notk.example", "k.example", "http://proxy:3128"),
        ("https://10.1.2.3:6443", "10.0.0.0/8", None),
        ("https://11.1.2.3:6443", "10.0.0.0/8", "http://proxy:3128"),
        ("https://10.1.2.3:6443", "10.1.2.3", None),
        ("https://k.example:6443", "k.example:6443", None),
        ("https://k.example:6443", "k.example:443", "http://proxy:3128"),
        ("https://k.example", "K.Example", None),
        ("https://[fd00::1]:6443", "fd00::/8", None),
    ],
)
def test_the_environments_proxy_by_gos_rules(server: str, excluded: str, expected: str | None) -> None:
    found = proxy_for(server, None, {**ENV, "NO_PROXY": excluded})
    assert (found.reveal() if found else None) == expected


def test_the_contexts_proxy_goes_before_the_environments() -> None:
    found = proxy_for("https://k.example", Secret("https://own:1"), {**ENV, "NO_PROXY": "*"})
    assert found is not None
    assert found.reveal() == "https://own:1"


def test_a_proxy_that_cannot_be_used_is_refused_unseen() -> None:
    with pytest.raises(UsageProblem) as error:
        proxy_for("https://k", Secret(f"ftp://joe:{CANARY}@p"), {})
    assert CANARY not in str(error.value)


def test_a_socks_proxy_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="socksio"):
        proxy_for("https://k", Secret("socks5://p:1080"), {})
