"""Reboot drivers with real small programs: how each end is told, and what is never passed on or repeated."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shlex
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shipkeeper.app.reboots import find_driver, installed, reboot_driver
from shipkeeper.integrations.reboot_command.driver import CommandReboot
from shipkeeper.integrations.reboot_manual.driver import ManualReboot
from shipkeeper.integrations.system.commands import SystemCommands
from shipkeeper.integrations.system.secrets import ReferencedSecrets
from shipkeeper.model.errors import BadInput, UsageProblem
from shipkeeper.model.nodes import Node, NodeInfo
from shipkeeper.model.plan import RebootPlan
from shipkeeper.ports.reboot import Delivery, RebootReceipt

NODE = Node(
    name="wk-1", uid="u1", address="10.0.0.7", provider_id="cloud:///z1/i-1", info=NodeInfo(boot_id="boot-before")
)
BASE = {"PATH": os.environ["PATH"], "HOME": "/home/x", "AWS_SECRET_ACCESS_KEY": "leaked-by-inheritance"}


def script(folder: Path, name: str, body: str) -> str:
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def driver(*argv: str, environ: dict[str, str] | None = None, **rest: Any) -> CommandReboot:
    plan = RebootPlan(**{"driver": "rack", "argv": argv, "timeout_seconds": 20, **rest})
    seen = BASE if environ is None else environ
    return CommandReboot.from_plan(plan, seen, SystemCommands(), ReferencedSecrets(seen))


def request(made: CommandReboot | ManualReboot, node: Node = NODE, token: str = "run-1-wk-1-00ff") -> RebootReceipt:
    return asyncio.run(made.request(node, token))


def asked(made: CommandReboot, token: str = "run-1-wk-1-00ff") -> Delivery:
    return asyncio.run(made.was_delivered(NODE, token))


@pytest.mark.parametrize(
    ("body", "answer", "wanted"),
    [
        ("sys.exit(0)", None, "delivered"),
        ("sys.exit(255)", None, "unknown"),
        ("sys.exit(1)", None, "unknown"),
        ("os.kill(os.getpid(), 9)", None, "unknown"),
        ("sys.exit(255)", 0, "delivered"),
        ("sys.exit(255)", 1, "not-delivered"),
        ("sys.exit(255)", 2, "unknown"),
        ("sys.exit(0)", 1, "delivered"),
    ],
)
def test_how_the_command_ends_tells_whether_it_arrived(
    tmp_path: Path, body: str, answer: int | None, wanted: str
) -> None:
    rest = {} if answer is None else {"delivered": (script(tmp_path, "told", f"sys.exit({answer})"),)}
    receipt = request(driver(script(tmp_path, "reboot", body), **rest))
    assert receipt.delivery == wanted, (
        f"{body}, delivered={answer}: told as {receipt.delivery}, so the run would reboot twice, or wait for nothing"
    )


def test_a_program_that_is_not_there_or_may_not_be_run_was_certainly_not_delivered(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.write_text("#!/bin/sh\n")
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fnothing")
    broken.chmod(0o700)
    for argv in (str(tmp_path / "nowhere"), str(locked), str(broken)):
        receipt = request(driver(argv, delivered=("true",)))
        assert receipt.delivery == "not-delivered", f"{argv}: {receipt}"
        assert "cannot be started" in receipt.detail


def test_a_program_that_hangs_is_ended_with_its_children_and_nobody_knows(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    body = (
        "import subprocess\nchild = subprocess.Popen(['sleep', '60'])\n"
        f"open({str(mark)!r}, 'w').write(str(child.pid))\nchild.wait()"
    )
    before = time.monotonic()
    receipt = request(driver(script(tmp_path, "hang", body), timeout_seconds=2))
    assert receipt.delivery == "unknown"
    assert "did not end within 1.8 s" in receipt.detail
    assert time.monotonic() - before < 10
    child = Path(f"/proc/{mark.read_text()}/stat")
    for _ in range(50):
        if not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.02)
    pytest.fail("its child still runs, and may reboot the machine later")


def test_a_program_that_writes_without_end_is_ended(tmp_path: Path) -> None:
    body = "while True: sys.stdout.write('x' * 65536)"
    receipt = request(driver(script(tmp_path, "chatty", body)))
    assert receipt.delivery == "unknown"
    assert "wrote more than" in receipt.detail
    assert len(receipt.detail) < 800, "its output would fill the journal"


def test_words_reach_the_program_as_they_are(tmp_path: Path) -> None:
    out = tmp_path / "argv"
    body = f"open({str(out)!r}, 'w').write(repr(sys.argv[1:]))"
    odd = """wk-é "1" 'a'; $(touch x) && {address}"""
    node = msgspec.structs.replace(NODE, name=odd)
    path = script(tmp_path, "reboot", body)
    receipt = request(driver(path, "{node}", "x{address}y", "$HOME", "*", "id={providerID}"), node)
    assert receipt.delivery == "delivered", receipt.detail
    assert out.read_text() == repr([odd, "x10.0.0.7y", "$HOME", "*", "id=cloud:///z1/i-1"]), (
        "a word was changed, split or filled in twice on its way"
    )


@pytest.mark.parametrize(
    ("mark", "change"),
    [("{address}", {"address": ""}), ("{providerID}", {"provider_id": ""})],
)
def test_a_node_without_what_the_command_names_is_refused_before_anything(
    tmp_path: Path, mark: str, change: dict[str, str]
) -> None:
    ran = tmp_path / "ran"
    made = driver(script(tmp_path, "reboot", f"open({str(ran)!r}, 'w')"), mark)
    node = msgspec.structs.replace(NODE, **change)
    with pytest.raises(BadInput, match=f"has no {mark[1:-1]}"):
        made.check(node)
    assert request(made, node).delivery == "not-delivered"
    assert not ran.exists(), "the command was started with an empty word: it may have rebooted something else"


@pytest.mark.parametrize("address", ["-oProxyCommand=touch x", "10.0.0.7\n", "a\0b"])
def test_an_address_that_would_be_an_option_is_refused(tmp_path: Path, address: str) -> None:
    ran = tmp_path / "ran"
    made = driver(script(tmp_path, "reboot", f"open({str(ran)!r}, 'w')"), "{address}")
    receipt = request(made, msgspec.structs.replace(NODE, address=address))
    assert receipt.delivery == "not-delivered"
    assert not ran.exists(), "a node that chooses its own address chose what our machine runs"


def test_both_programs_are_told_which_request_it_is_and_little_else(tmp_path: Path) -> None:
    out = tmp_path / "seen"
    body = f"open({str(out)!r}, 'a').write(repr(dict(os.environ)) + '\\n'); sys.exit(7)"
    path = script(tmp_path, "tell", body)
    request(driver(path, delivered=(path,)), token="the-token")
    seen = [eval(line) for line in out.read_text().splitlines()]
    assert len(seen) == 2, "the request or the question was not made"
    for environment in seen:
        assert environment.pop("SHIPKEEPER_REBOOT_TOKEN") == "the-token"
        assert environment.pop("SHIPKEEPER_REBOOT_BOOT_ID") == "boot-before"
        environment.pop("LC_CTYPE", None)  # Python's own, where no locale is set
        assert sorted(environment) == ["HOME", "PATH"], "the command inherited what is not its own"


def test_a_secret_is_read_late_given_and_never_repeated(tmp_path: Path) -> None:
    key = tmp_path / "key"
    environ = {**BASE, "BMC": "pass-word-canary"}
    body = (
        "assert os.environ['PASSWORD'] == 'pass-word-canary' and os.environ['KEY'] == 'line-one-canary\\nline-two'\n"
        "print('login with', os.environ['PASSWORD'], 'and', os.environ['KEY'].splitlines()[0]); sys.exit(3)"
    )
    references = {"PASSWORD": "env:BMC", "KEY": f"file:{key}"}
    made = driver(script(tmp_path, "reboot", body), environ=environ, environment=references)
    missing = request(made)
    assert missing.delivery == "not-delivered"
    assert "KEY" in missing.detail
    key.write_text("line-one-canary\nline-two\n")
    receipt = request(made)
    assert "canary" not in receipt.detail, "a secret went into the journal"
    assert "exit code 3" in receipt.detail
    assert receipt.detail == "exit code 3; said: login with [hidden] and [hidden]"
    assert "canary" not in made.manual("wk-1") + repr(vars(made)["_reboot"])


def test_a_secret_that_is_no_reference_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    made = driver("true", environment={"PASSWORD": "pass-word-canary"})
    with pytest.raises(BadInput) as caught:
        made.check(NODE)
    assert "canary" not in f"{caught.value.message}{caught.value.why}{caught.value.hint}"


def test_only_the_end_of_long_output_is_kept_with_the_digest_of_all(tmp_path: Path) -> None:
    receipt = request(driver(script(tmp_path, "long", "print('a' * 9000 + 'last words')")))
    whole = hashlib.sha256(b"a" * 9000 + b"last words\n").hexdigest()
    assert receipt.detail.endswith(f"alast words (the end; sha256 of all of it {whole})")
    assert len(receipt.detail) < 600


def test_while_the_request_still_runs_its_not_delivered_is_not_believed(tmp_path: Path) -> None:
    slow = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        env={"SHIPKEEPER_REBOOT_TOKEN": "tok-7"},
        start_new_session=True,
    )
    try:
        made = driver("true", delivered=(script(tmp_path, "told", "sys.exit(1)"),))
        assert asked(made, "tok-8") == "not-delivered"
        for _ in range(100):  # its environment shows once it has been started
            if asked(made, "tok-7") == "unknown":
                break
            time.sleep(0.02)
        else:
            pytest.fail("a request under way was called not delivered: a second one would follow, and two reboots")
    finally:
        slow.kill()
        slow.wait()
    assert asked(made, "tok-7") == "not-delivered"


@pytest.mark.requirement("R-D1")
def test_the_request_outlives_our_own_sudden_end(tmp_path: Path) -> None:
    done, started = tmp_path / "done", tmp_path / "started"
    path = script(
        tmp_path,
        "reboot",
        f"open({str(started)!r}, 'w')\ntime.sleep(1)\nprint('asked')\nopen({str(done)!r}, 'w').write('x')",
    )
    code = (
        "import asyncio, os\n"
        "from tests.reboot.test_drivers import NODE, driver\n"
        f"asyncio.run(driver({path!r}).request(NODE, 'tok'))\n"
    )
    runner = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 20
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    assert not done.exists(), "the request had ended before we did: this proves nothing"
    while not done.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert done.exists(), "the request died with us, half way"


def test_a_person_gets_the_same_command(tmp_path: Path) -> None:
    made = driver("ssh", "{address}", "sudo", "systemctl reboot")
    unknown = made.manual("wk-1")
    assert "kubectl get node wk-1" in unknown
    assert "{address}" not in unknown, "a person would paste a mark into their shell"
    fake = tmp_path / "kubectl"
    fake.write_text("#!/bin/sh\necho 10.9.9.9\n")
    fake.chmod(0o700)
    line = unknown.replace("ssh ", "printf '%s\\n' ", 1)
    shell = subprocess.run(
        ["sh", "-c", line], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, text=True, check=True
    )
    assert shell.stdout.splitlines() == ["10.9.9.9", "sudo", "systemctl reboot"]
    asyncio.run(made.was_delivered(NODE, "t"))
    assert shlex.split(made.manual("wk-1")) == ["ssh", "10.0.0.7", "sudo", "systemctl reboot"]


def test_by_hand_nothing_is_claimed() -> None:
    made = ManualReboot.from_plan(RebootPlan(driver="manual"), {}, SystemCommands(), ReferencedSecrets({}))
    receipt = request(made)
    assert receipt.delivery == "unknown"
    assert "wk-1" in receipt.detail
    assert asyncio.run(made.was_delivered(NODE, "t")) == "unknown"
    assert "wk-1" in made.manual("wk-1")


class _Plan(msgspec.Struct):
    reboot: RebootPlan


def find(reboot: RebootPlan, kubeconfig: str = "") -> Any:
    return reboot_driver(_Plan(reboot), BASE, kubeconfig)  # type: ignore[arg-type]


def test_the_plan_s_driver_is_found_by_what_it_says(tmp_path: Path) -> None:
    assert find(RebootPlan(driver="none")) is None
    assert isinstance(find(RebootPlan(driver="manual")), ManualReboot)
    rack = find(RebootPlan(driver="rack-power", argv=("true",), timeout_seconds=60))
    assert isinstance(rack, CommandReboot)
    assert (rack.name, rack.deadline_ms) == ("rack-power", 60_000)
    with pytest.raises(UsageProblem, match="not installed here"):
        find(RebootPlan(driver="cloud-x"))
    out = tmp_path / "seen"
    path = script(tmp_path, "reboot", f"open({str(out)!r}, 'w').write(os.environ['KUBECONFIG'])")
    request(find(RebootPlan(driver="rack", argv=(path,)), kubeconfig="some/config"))
    assert out.read_text() == str(Path("some/config").absolute()), "the command would ask another cluster"


def test_drivers_of_other_packages_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def package(name: str, kind: str, target: str) -> None:
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[shipkeeper.reboot_drivers]\n{kind} = {target}\n")

    package("rackware", "rackware", "rackware_driver:Rack")
    (tmp_path / "rackware_driver.py").write_text(
        "from shipkeeper.integrations.reboot_manual.driver import ManualReboot\n"
        "class Rack(ManualReboot):\n    name = 'rackware'\n"
    )
    package("usurper", "manual", "rackware_driver:Rack")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "rackware" in installed()
    assert find(RebootPlan(driver="rackware")).name == "rackware"
    with pytest.raises(Exception, match="two packages offer the reboot driver 'manual'"):
        find_driver("manual")
