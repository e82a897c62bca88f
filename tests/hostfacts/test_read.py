"""Facts of hosts, from what people have: Ansible's cache, or one line a node."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from shipkeeper.integrations.hostfacts import read_facts
from shipkeeper.model.errors import BadInput
from shipkeeper.model.facts import PendingPackage
from shipkeeper.model.time import parse_instant

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "facts" / "node-facts"
OWN: dict[str, Any] = {
    "node": "n1",
    "takenAt": "2026-11-20T11:00:00Z",
    "os": "ubuntu 22.04",
    "kernelRunning": "5.15.0-100",
    "kernelInstalled": "5.15.0-126",
    "bootId": "b-1",
    "pendingUpdates": 14,
    "pendingSecurityUpdates": 3,
    "rebootRequired": True,
    "rebootRequiredSince": "2026-11-02T04:00:00Z",
    "automaticSecurityUpdates": False,
    "packages": [
        {"name": "openssl", "installed": "3.0.2-0ubuntu1.10", "candidate": "3.0.2-0ubuntu1.15", "security": True}
    ],
}


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.mark.requirement("R-E4")
@pytest.mark.parametrize(
    "text",
    [
        json.dumps(OWN),
        json.dumps(OWN, indent=1),
        json.dumps([OWN]),
        json.dumps({"nodes": [OWN]}),
        json.dumps(OWN) + "\n\n",
        yaml.safe_dump(OWN),
        yaml.safe_dump({"nodes": [OWN]}),
        yaml.safe_dump(OWN).replace("'2026-11-20T11:00:00Z'", "2026-11-20T11:00:00Z"),
        "---\n" + yaml.safe_dump([OWN]),
    ],
)
def test_every_way_to_write_our_own(text: str, tmp_path: Path) -> None:
    [host] = read_facts(write(tmp_path / "facts", text)).hosts
    facts = host.facts
    assert host.names == ("n1",)
    assert (facts.pending_updates, facts.pending_security, facts.automatic_security) == (14, 3, False)
    assert (facts.reboot_required, facts.reboot_since_ms) == (True, parse_instant("2026-11-02T04:00:00Z"))
    assert (facts.kernel_running, facts.kernel_installed, facts.kernel_waits) == ("5.15.0-100", "5.15.0-126", True)
    assert facts.packages == (PendingPackage("openssl", "3.0.2-0ubuntu1.10", "3.0.2-0ubuntu1.15", True),)
    assert facts.taken_ms == parse_instant("2026-11-20T11:00:00Z")


def test_one_a_line_and_unknown_is_not_no(tmp_path: Path) -> None:
    lines = [json.dumps({"node": f"n{i}", "pendingUpdates": None}) for i in range(3)]
    found = read_facts(write(tmp_path / "facts.jsonl", "\n".join(lines) + "\n")).hosts
    assert [host.names for host in found] == [("n0",), ("n1",), ("n2",)]
    for host in found:
        facts = host.facts
        known = (facts.pending_updates, facts.reboot_required, facts.automatic_security, facts.kernel_waits)
        assert known == (None, None, None, None), "what a host does not tell is unknown, never none and never off"


ANSIBLE: dict[str, Any] = {
    "ansible_kernel": "5.15.0-100",
    "ansible_distribution": "Ubuntu",
    "ansible_distribution_version": "22.04",
    "ansible_nodename": "ip-10-0-0-1",
    "ansible_fqdn": "n1.example",
    "ansible_default_ipv4": {"address": "10.0.0.1"},
    "ansible_date_time": {"iso8601": "2026-11-20T11:00:00Z"},
    "ansible_env": {"PASSWORD": "canary-env"},
    "ansible_local": {"shipkeeper": {key: value for key, value in OWN.items() if key not in ("node", "os", "takenAt")}},
}


@pytest.mark.requirement("R-E4")
@pytest.mark.parametrize(
    "content",
    [ANSIBLE, {"ansible_facts": ANSIBLE, "changed": False},
     {"ansible_facts": {key.removeprefix("ansible_"): value for key, value in ANSIBLE.items()}}],
    ids=["cache", "tree", "without prefix"],
)  # fmt: skip
def test_ansible_s_facts_one_file_a_host(content: Any, tmp_path: Path) -> None:
    write(tmp_path / "node-a", json.dumps(content))
    write(tmp_path / ".hidden", "not facts")
    found = read_facts(str(tmp_path))
    [host] = found.hosts
    assert host.names == ("node-a", "ip-10-0-0-1", "n1.example", "10.0.0.1")
    facts = host.facts
    assert (facts.node, facts.os, facts.taken_ms) == ("node-a", "Ubuntu 22.04", parse_instant("2026-11-20T11:00:00Z"))
    assert (facts.pending_security, facts.reboot_required, facts.kernel_running) == (3, True, "5.15.0-100")
    assert "canary-env" not in repr(found)


def test_ansible_without_our_fact_tells_what_it_can(tmp_path: Path) -> None:
    plain = {key: value for key, value in ANSIBLE.items() if key != "ansible_local"}
    [host] = read_facts(write(tmp_path / "n1.json", json.dumps(plain))).hosts
    assert (host.facts.kernel_running, host.facts.pending_updates, host.facts.reboot_required) == (
        "5.15.0-100",
        None,
        None,
    )


def test_a_host_that_ansible_did_not_reach_is_a_remark(tmp_path: Path) -> None:
    write(tmp_path / "n1", json.dumps({"ansible_facts": ANSIBLE}))
    write(tmp_path / "n2", json.dumps({"unreachable": True, "msg": "ssh: no route", "changed": False}))
    found = read_facts(str(tmp_path))
    assert len(found.hosts) == 1
    assert found.notes == ("n2: Ansible did not reach it",)


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ('{"node": "n1",\n "pendingUpdates": 1,,}', ":2:", "JSON"),
        ('{"node": "n1"}\n{"node": }\n', ":2:10", "JSON"),
        ("node: n1\npendingUpdates: [\n", ":3:1", "YAML"),
        ("a: &x 1\nb: *x\n", ":2", "aliases"),
        ("node: n1\nkernel: a\nnode: n2\n", ":3:1", "'node' is given twice, first at 1:1"),
        ('{"node": "n1", "pendingUpdate": 1}', ":1", "pendingUpdate"),
        ('{"node": "n1", "pendingUpdates": "some"}', ":1", "pendingUpdates"),
        ('{"node": "n1", "pendingUpdates": -1}', ":1", "-1"),
        ('{"node": "n1", "takenAt": "yesterday"}', ":1", "takenAt"),
        ('{"node": ""}', ":1", "without a name"),
        ('{"pendingUpdates": 1}', ":1", "node"),
        ('[{"node": "n1"}, 7]', ":1", "no facts of a host"),
        ("just words", ":1", "no facts of a host"),
        ("", "facts", "empty"),
        ('{"ansible_facts": 7}', "facts", "no mapping"),
        ('{"ansible_local": {"shipkeeper": {"pendingUpdates": "x"}}}', "facts", "pendingUpdates"),
        ("[" * 100_000, "facts", "nested|JSON"),
        ("\x00\x01", "facts", "YAML"),
    ],
)
def test_facts_that_cannot_be_used_are_an_error_with_its_place(
    text: str, where: str, what: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "facts", text)
    with pytest.raises(BadInput, match=what) as caught:
        read_facts(path)
    assert caught.value.location is not None
    assert where in str(caught.value.location)


def test_no_file_no_facts_and_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_facts(str(tmp_path / "none"))
    with pytest.raises(BadInput, match="no facts in it"):
        read_facts(str(tmp_path))
    monkeypatch.setattr("shipkeeper.integrations.hostfacts.read.LARGEST", 10)
    with pytest.raises(BadInput, match="more than 10"):
        read_facts(write(tmp_path / "facts", json.dumps(OWN)))


@pytest.mark.requirement("R-E4")
def test_the_shipped_script_prints_what_is_read_here(tmp_path: Path) -> None:
    done = subprocess.run(["sh", str(SCRIPT), "n1"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.count("\n") == 1, "one line a node, so that many can be put into one file"
    [host] = read_facts(write(tmp_path / "facts.jsonl", done.stdout)).hosts
    assert host.facts.node == "n1"
    assert host.facts.kernel_running == os.uname().release
    assert host.facts.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
