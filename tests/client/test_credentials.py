"""Credentials: exec plugins of both versions, token files, and when each of them ends."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from shipkeeper.integrations.kubernetes.access import Access, CertificateFiles, ExecPlugin, from_kubeconfig
from shipkeeper.integrations.kubernetes.credentials import Credentials
from shipkeeper.integrations.kubernetes.exec_plugin import PluginAnswer, run_plugin
from shipkeeper.integrations.kubernetes.kubeconfig import load
from shipkeeper.model.errors import ShipkeeperError, Unauthenticated, UsageProblem
from shipkeeper.model.time import iso
from shipkeeper.ports.secrets import Secret
from tests.client.authority import Authority
from tests.client.helpers import CANARY, NOW_MS, run

V1 = "client.authentication.k8s.io/v1"
V1BETA1 = "client.authentication.k8s.io/v1beta1"

SCRIPT = """
import json, os, pathlib, sys
folder = pathlib.Path(os.environ["FOLDER"])
count = folder / "count"
runs = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(runs))
(folder / "info").write_text(os.environ["KUBERNETES_EXEC_INFO"])
(folder / "argv").write_text(json.dumps(sys.argv[1:]))
(folder / "stdin").write_text(sys.stdin.read())
print(os.environ["ANSWER"].replace("@", str(runs)))
sys.stderr.write(os.environ.get("COMPLAINT", ""))
sys.exit(int(os.environ.get("CODE", "0")))
"""


def plugin(folder: Path, answer: object, *, version: str = V1, interactive: str = "Never", **env: str) -> ExecPlugin:
    (folder / "plugin.py").write_text(SCRIPT)
    text = answer if isinstance(answer, str) else json.dumps(answer)
    variables = {"FOLDER": str(folder), "ANSWER": text, **env}
    return ExecPlugin(
        command=sys.executable,
        args=(str(folder / "plugin.py"), "get-token"),
        env=tuple((key, Secret(value)) for key, value in variables.items()),
        api_version=version,
        interactive=interactive,
    )


def answer(version: str = V1, **status: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": "ExecCredential", "status": status}


def ran(made: ExecPlugin, **settings: Any) -> PluginAnswer:
    got: list[PluginAnswer] = []

    async def main() -> None:
        got.append(await run_plugin(made, dict(os.environ), **settings))

    run(main)
    return got[0]


def failed(made: ExecPlugin, kind: type[ShipkeeperError] = Unauthenticated, **settings: Any) -> ShipkeeperError:
    with pytest.raises(kind) as error:
        ran(made, **settings)
    return error.value


class Wall:
    """A wall clock that the test moves."""

    def __init__(self) -> None:
        self.at_ms = NOW_MS

    def __call__(self) -> int:
        return self.at_ms


def credentials(wall: Wall, **access: Any) -> Credentials:
    return Credentials(Access(server="https://k", **access), environ=dict(os.environ), now_ms=wall)


@pytest.mark.parametrize("version", [V1, V1BETA1])
def test_a_plugin_gives_a_token_and_says_when_it_ends(tmp_path: Path, version: str) -> None:
    made = plugin(tmp_path, answer(version, token="t", expirationTimestamp=iso(NOW_MS)), version=version)
    got = ran(made)
    assert got.token == Secret("t")
    assert got.expires_ms == NOW_MS
    assert json.loads((tmp_path / "argv").read_text()) == ["get-token"]
    info = json.loads((tmp_path / "info").read_text())
    assert info == {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    assert (tmp_path / "stdin").read_text() == "", "nobody is there to type"


def test_go_writes_nanoseconds(tmp_path: Path) -> None:
    got = ran(plugin(tmp_path, answer(token="t", expirationTimestamp="2026-11-21T12:00:00.123456789Z")))
    assert got.expires_ms == NOW_MS + 123


def test_a_plugin_that_asks_for_it_is_told_about_the_cluster(tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text(SCRIPT)
    config = {
        "clusters": [
            {
                "name": "k",
                "cluster": {
                    "server": "https://k:6443",
                    "certificate-authority-data": base64.b64encode(b"CA").decode(),
                    "tls-server-name": "k.example",
                    "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}],
                },
            }
        ],
        "users": [
            {
                "name": "u",
                "user": {
                    "exec": {
                        "apiVersion": V1,
                        "command": sys.executable,
                        "args": [str(tmp_path / "plugin.py")],
                        "env": [
                            {"name": "FOLDER", "value": str(tmp_path)},
                            {"name": "ANSWER", "value": json.dumps(answer(token="t"))},
                        ],
                        "interactiveMode": "IfAvailable",
                        "provideClusterInfo": True,
                    }
                },
            }
        ],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "current-context": "c",
    }
    (tmp_path / "config").write_text(json.dumps(config))
    found = from_kubeconfig(load([str(tmp_path / "config")])).plugin
    assert found is not None
    assert ran(found).token == Secret("t")
    assert json.loads((tmp_path / "info").read_text())["spec"]["cluster"] == {
        "server": "https://k:6443",
        "tls-server-name": "k.example",
        "certificate-authority-data": base64.b64encode(b"CA").decode(),
        "config": {"audience": "a"},
    }


def test_a_plugin_that_always_asks_a_person_is_refused_and_not_started(tmp_path: Path) -> None:
    error = failed(plugin(tmp_path, answer(token="t"), interactive="Always"), UsageProblem)
    assert error.code == "exec-plugin-interactive"
    assert not (tmp_path / "count").exists(), "it would wait for an answer in the night"


def test_with_a_person_there_it_may_ask(tmp_path: Path) -> None:
    made = plugin(tmp_path, answer(token="t"), interactive="Never")
    assert ran(made, interactive=True).token == Secret("t")
    spec = json.loads((tmp_path / "info").read_text())["spec"]
    assert spec == {"interactive": False}, "Never means never"


def test_a_plugin_that_is_not_there_gives_its_own_hint(tmp_path: Path) -> None:
    missing = ExecPlugin(str(tmp_path / "nope"), (), (), V1, "Never", install_hint="brew install nope")
    error = failed(missing, UsageProblem)
    assert error.hint == "brew install nope"
    assert failed(ExecPlugin("nope-nope", (), (), V1, "Never"), UsageProblem).hint.endswith("in PATH")


def test_a_plugin_that_hangs_is_ended(tmp_path: Path) -> None:
    script = tmp_path / "hang.py"
    script.write_text(
        "import os, pathlib, sys, time\npathlib.Path(sys.argv[1]).write_text(str(os.getpid()))\ntime.sleep(60)"
    )
    error = failed(ExecPlugin(sys.executable, (str(script), str(tmp_path / "pid")), (), V1, "Never"), deadline_ms=1_000)
    assert "did not answer within 1 s" in error.message
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (f"token: {CANARY}", "did not print an ExecCredential"),
        ({"apiVersion": V1, "kind": "Token", "status": {"token": CANARY}}, "printed Token"),
        (answer(V1BETA1, token=CANARY), "not ExecCredential"),
        ({"apiVersion": V1, "kind": "ExecCredential"}, "neither a token nor a client certificate"),
        (answer(clientKeyData=CANARY), "both belong together"),
        (answer(token=CANARY, expirationTimestamp=CANARY), "expirationTimestamp"),
        ({"apiVersion": V1, "kind": "ExecCredential", "status": {"token": [CANARY]}}, "did not print"),
    ],
)
def test_what_is_no_credential_is_refused_and_not_shown(tmp_path: Path, said: object, words: str) -> None:
    error = failed(plugin(tmp_path, said))
    assert words in error.message
    assert CANARY not in error.message + error.why + error.hint


def test_a_failing_plugin_is_quoted_without_secrets(tmp_path: Path) -> None:
    made = plugin(tmp_path, CANARY, CODE="3", COMPLAINT=f"session expired\nrefresh_token={CANARY}")
    error = failed(made)
    assert "ended with code 3: session expired" in error.message
    assert CANARY not in error.message


def test_a_credential_is_kept_until_shortly_before_it_ends(tmp_path: Path) -> None:
    wall = Wall()
    made = plugin(tmp_path, answer(token="t@", expirationTimestamp=iso(NOW_MS + 600_000)))

    async def main() -> None:
        held = credentials(wall, plugin=made)
        seen = []
        for at_s in (0, 300, 569, 571):
            wall.at_ms = NOW_MS + at_s * 1_000
            token = (await held.current()).token
            assert token is not None
            seen.append(token.reveal())
        assert seen == ["t1", "t1", "t1", "t2"], "30 s before its end it is had anew"

    run(main)


def test_a_credential_without_an_end_is_kept(tmp_path: Path) -> None:
    wall = Wall()

    async def main() -> None:
        held = credentials(wall, plugin=plugin(tmp_path, answer(token="t@")))
        await held.current()
        wall.at_ms += 30 * 24 * 3_600_000
        await asyncio.gather(*(held.current() for _ in range(5)))
        assert (tmp_path / "count").read_text() == "1"

    run(main)


def test_a_token_goes_before_a_plugin_as_with_kubectl(tmp_path: Path) -> None:
    async def main() -> None:
        held = credentials(Wall(), plugin=plugin(tmp_path, answer(token="p")), token=Secret("t"))
        assert (await held.current()).token == Secret("t")
        assert not (tmp_path / "count").exists()

    run(main)


def test_a_token_file_is_read_again_and_survives_a_moment_without_it(tmp_path: Path) -> None:
    wall, path = Wall(), tmp_path / "token"
    path.write_text("one\n")

    async def main() -> None:
        held = credentials(wall, token_path=str(path))
        assert (await held.current()).token == Secret("one")
        path.write_text("two\n")
        wall.at_ms += 11_000
        assert (await held.current()).token == Secret("two"), "the kubelet renews it in place"
        path.unlink()
        wall.at_ms += 11_000
        assert (await held.current()).token == Secret("two")

    run(main)


def test_after_401_a_token_file_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one")

    async def main() -> None:
        held = credentials(Wall(), token_path=str(path))
        first = await held.current()
        assert await held.renew(first) is None, "the same token would be refused again"
        path.write_text("two")
        renewed = await held.renew(first)
        assert renewed is not None
        assert renewed.token == Secret("two")

    run(main)


@pytest.mark.parametrize("content", ["", "  \n"])
def test_an_empty_token_file_is_no_credential(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content)

    async def main() -> None:
        with pytest.raises(Unauthenticated, match="is empty"):
            await credentials(Wall(), token_path=str(path)).current()
        with pytest.raises(Unauthenticated, match="cannot read the token file"):
            await credentials(Wall(), token_path=str(tmp_path / "nope")).current()

    run(main)


def test_a_token_that_no_header_can_carry_is_refused_unseen() -> None:
    async def main() -> None:
        with pytest.raises(Unauthenticated) as error:
            await credentials(Wall(), token=Secret("abc\r\nX-Evil: 1")).current()
        assert "Evil" not in error.value.message

    run(main)


def jwt(**claims: Any) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256'})}.{part(claims)}.c2ln"


def test_a_preflight_learns_when_the_credential_ends(tmp_path: Path) -> None:
    pair = Authority.make().leaf("runner", hours=5)

    async def main() -> None:
        wall = Wall()
        plain = await credentials(wall, token=Secret("opaque")).facts()
        assert (plain.kind, plain.expires_ms, plain.renewable) == ("token", None, False)
        bounded = await credentials(wall, token=Secret(jwt(exp=1_795_270_000))).facts()
        assert bounded.expires_ms == 1_795_270_000_000
        assert (await credentials(wall, token=Secret("a.b.c")).facts()).expires_ms is None
        certificate = await credentials(
            wall, certificate=CertificateFiles(certificate=pair.certificate, key=Secret(pair.key))
        ).facts()
        assert certificate.kind == "certificate"
        assert certificate.expires_ms == pair.ends_ms
        assert not certificate.renewable
        made = plugin(tmp_path, answer(token=jwt(exp=1), expirationTimestamp=iso(NOW_MS)), interactive="IfAvailable")
        plugged = await credentials(wall, plugin=made).facts()
        assert (plugged.kind, plugged.expires_ms, plugged.renewable) == ("exec", 1_000, True)
        assert plugged.interactive == "IfAvailable", "preflight must be able to refuse it"

    run(main)


def test_a_preflight_learns_of_an_interactive_plugin_without_starting_it(tmp_path: Path) -> None:
    async def main() -> None:
        made = plugin(tmp_path, answer(token="t"), interactive="Always")
        facts = await credentials(Wall(), plugin=made).facts()
        assert (facts.kind, facts.interactive, facts.renewable) == ("exec", "Always", False)
        assert not (tmp_path / "count").exists()

    run(main)


def test_plugins_are_quick_enough_to_be_run_for_a_401(tmp_path: Path) -> None:
    begun = time.perf_counter()
    ran(plugin(tmp_path, answer(token="t")))
    assert time.perf_counter() - begun < 10
