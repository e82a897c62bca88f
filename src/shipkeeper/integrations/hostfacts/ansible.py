"""What Ansible's ``setup`` module gathers, from a fact cache (``jsonfile``) or ``ansible all -m setup --tree``.

Source: https://docs.ansible.com/ansible/latest/reference_appendices/special_variables.html and the setup module. A
fact of our own format is taken from ``ansible_local.shipkeeper`` (a file in ``/etc/ansible/facts.d``). Environment and
command line facts are never looked at.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shipkeeper.integrations.hostfacts.own import of_own
from shipkeeper.model.errors import BadInput, Location
from shipkeeper.model.facts import HostFacts, NodeFacts
from shipkeeper.model.time import parse_instant

_SUFFIXES = (".json", ".yml", ".yaml")
_OURS = "shipkeeper"


def is_ansible(item: dict[str, Any]) -> bool:
    """Whether these are Ansible's facts of a host, or its word that it could not have them."""
    return "ansible_facts" in item or "unreachable" in item or any(str(key).startswith("ansible_") for key in item)


def of_ansible(item: dict[str, Any], file: str) -> tuple[HostFacts | None, str]:
    """Facts of the host that the file is named after; or none, and why. Raises BadInput."""
    host = Path(file).name
    for suffix in _SUFFIXES:
        host = host.removesuffix(suffix)
    if item.get("unreachable") is True:
        return None, f"{host}: Ansible did not reach it"
    facts = item.get("ansible_facts", item)
    if not isinstance(facts, dict):
        raise BadInput(f"facts of {host}: ansible_facts is no mapping", location=Location(file))
    if not facts:
        return None, f"{host}: Ansible gathered nothing"
    told = NodeFacts(
        node=host,
        kernel_running=_text(facts, "kernel"),
        os=" ".join(part for part in (_text(facts, "distribution"), _text(facts, "distribution_version")) if part),
        taken_ms=_taken(facts),
        sources=(f"facts {file}",),
    )
    local = _fact(facts, "local")
    own = local.get(_OURS) if isinstance(local, dict) else None
    if isinstance(own, dict):
        found = of_own(own, file, 0, node=host).facts
        told = _both(told, found)
    names = (host, _text(facts, "nodename"), _text(facts, "fqdn"), _text(facts, "hostname"), *_addresses(facts))
    return HostFacts(tuple(dict.fromkeys(name for name in names if name)), told), ""


def _both(general: NodeFacts, own: NodeFacts) -> NodeFacts:
    """Our own fact where it says something, Ansible's general ones elsewhere."""
    values = {name: getattr(own, name) for name in own.__struct_fields__}
    for name in ("kernel_running", "os", "taken_ms"):
        values[name] = values[name] or getattr(general, name)
    return NodeFacts(**(values | {"node": general.node, "sources": general.sources}))


def _fact(facts: dict[str, Any], name: str) -> Any:
    """A fact under its old name (``ansible_kernel``) or its new one (``kernel``)."""
    return facts.get(f"ansible_{name}", facts.get(name))


def _text(facts: dict[str, Any], name: str) -> str:
    value = _fact(facts, name)
    return value if isinstance(value, str) and value != "NA" else ""


def _addresses(facts: dict[str, Any]) -> list[str]:
    default = _fact(facts, "default_ipv4")
    address = default.get("address") if isinstance(default, dict) else None
    return [address] if isinstance(address, str) else []


def _taken(facts: dict[str, Any]) -> int:
    when = _fact(facts, "date_time")
    text = when.get("iso8601") if isinstance(when, dict) else None
    try:
        return parse_instant(text) if isinstance(text, str) else 0
    except BadInput:
        return 0
