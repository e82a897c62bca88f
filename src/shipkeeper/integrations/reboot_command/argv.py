"""From the plan's argument list and a node to what is started. Nothing ever goes through a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from shipkeeper.model.errors import BadInput
from shipkeeper.model.nodes import Node

_MARK = re.compile(r"\{(node|address|providerID)\}")
_FIELD = {
    "address": """{.status.addresses[?(@.type=="InternalIP")].address}""",
    "providerID": "{.spec.providerID}",
}


def resolve(argv: Sequence[str], node: Node) -> tuple[str, ...]:
    """The argument list for that node. Raises BadInput when the node lacks what it names, or it is not plain.

    An address and a provider id come from the node itself; one that begins with ``-`` would be read as an option
    by the program it is given to.
    """
    values = {"node": node.name, "address": node.address, "providerID": node.provider_id}

    def value(found: re.Match[str]) -> str:
        text = values[found[1]]
        if not text:
            raise BadInput(
                f"node {node.name} has no {found[1]}, and the reboot command needs it",
                code="node-lacks-field",
                object=f"Node {node.name}",
                why="the command would reboot something else, or nothing",
                hint=f"use another mark than {found[0]} in the driver's argv, or plan without this node",
            )
        if text.startswith("-") or not text.isprintable():
            raise BadInput(
                f"the {found[1]} of node {node.name} is not passed to a command: {text!r}",
                code="node-field-not-plain",
                object=f"Node {node.name}",
                why="it begins like an option, or holds characters that no name has",
                hint=f"find out who wrote it: kubectl get node {shlex.quote(node.name)} -o yaml",
            )
        return text

    return tuple(_MARK.sub(value, word) for word in argv)


def for_a_person(argv: Sequence[str], name: str, node: Node | None) -> str:
    """The same as one line for a person's shell; what is not known of the node is looked up by kubectl."""
    if node is not None:
        try:
            return shlex.join(resolve(argv, node))
        except BadInput:
            pass
    return " ".join(_word(word, name) for word in argv)


def _word(word: str, name: str) -> str:
    """One word, quoted; marks that need the cluster become a command substitution."""
    parts = []
    for index, part in enumerate(_MARK.split(word)):
        if index % 2 == 0:
            parts.append(shlex.quote(part) if part else "")
        elif part == "node":
            parts.append(shlex.quote(name))
        else:
            parts.append(f'"$(kubectl get node {shlex.quote(name)} -o jsonpath={shlex.quote(_FIELD[part])})"')
    return "".join(parts) or "''"
