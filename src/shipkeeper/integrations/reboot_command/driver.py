"""A command of the team's own reboots the node: ssh, ipmitool, a cloud's command line."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from shipkeeper.integrations.reboot_command.argv import for_a_person, resolve
from shipkeeper.integrations.reboot_command.secrets import hide
from shipkeeper.model.errors import BadInput
from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import RebootPlan
from shipkeeper.model.time import SECOND
from shipkeeper.ports.reboot import CommandEnd, Commands, Delivery, RebootReceipt
from shipkeeper.ports.secrets import Secrets

REQUEST = "SHIPKEEPER_REBOOT_TOKEN"
"""Tells one request from every other. Both commands get it, so that ``delivered`` can answer for this very one."""

BOOT_ID = "SHIPKEEPER_REBOOT_BOOT_ID"
"""The boot id of the node as the command is started."""

PASSED = ("PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "LANG", "LC_ALL", "TZ", "TMPDIR", "KUBECONFIG")
"""What a command sees of our own environment."""

_ASK_MS = 60 * SECOND
"""Longest that ``delivered`` may take."""

_TAIL = 400
"""Characters of output that are kept on record."""


class CommandReboot:
    """Reboots by the argument list that the plan resolved.

    Exit code 0 is ``delivered``; a command that could not be started is ``not-delivered``; everything else is
    ``unknown``, unless the plan names a ``delivered`` command that tells (0 yes, 1 no). A connection that breaks
    because the machine goes down ends ssh with 255: that too is unknown, and the boot id will tell.
    """

    def __init__(self, reboot: RebootPlan, environ: Mapping[str, str], commands: Commands, secrets: Secrets) -> None:
        self.name = reboot.driver
        self.deadline_ms = reboot.timeout_seconds * SECOND
        self._reboot, self._environ, self._commands, self._secrets = reboot, environ, commands, secrets
        self._seen: dict[str, Node] = {}

    @classmethod
    def from_plan(
        cls, reboot: RebootPlan, environ: Mapping[str, str], commands: Commands, secrets: Secrets
    ) -> CommandReboot:
        """The driver as the plan resolved it. Raises BadInput for a plan without an argument list."""
        if not reboot.argv:
            raise BadInput(
                f"the reboot driver {reboot.driver!r} has no argv",
                object=f"rebootDrivers.{reboot.driver}",
                hint='for example argv: [ssh, "{address}", sudo, systemctl, reboot]',
            )
        return cls(reboot, environ, commands, secrets)

    def check(self, node: Node) -> None:
        """Raise BadInput when this node could not be rebooted: it lacks a field, or a secret cannot be read."""
        resolve(self._reboot.argv, node)
        resolve(self._reboot.delivered, node)
        self._read_secrets()

    async def request(self, node: Node, token: str) -> RebootReceipt:
        """Start the command and wait until it has handed the request over."""
        self._seen[node.name] = node
        try:
            argv = resolve(self._reboot.argv, node)
            resolve(self._reboot.delivered, node)
            secrets = self._read_secrets()
        except BadInput as error:
            # Nothing was started; that is certain.
            return RebootReceipt("not-delivered", error.message)
        # A little less than the executor waits, so that the command's last words are on record.
        patience_ms = self.deadline_ms - min(SECOND, self.deadline_ms // 10)
        end = await self._commands.run(argv, patience_ms, self._environment(node, token, secrets))
        said = _said(end, secrets)
        if not end.started:
            return RebootReceipt("not-delivered", said)
        if end.code == 0:
            return RebootReceipt("delivered", said)
        if end.code is None:
            return RebootReceipt("unknown", said)
        return RebootReceipt(await self.was_delivered(node, token), said)

    async def was_delivered(self, node: Node, token: str) -> Delivery:
        """Ask the ``delivered`` command. Without one, and while the request itself still runs, nobody knows."""
        self._seen[node.name] = node
        if not self._reboot.delivered:
            return "unknown"
        try:
            argv = resolve(self._reboot.delivered, node)
            secrets = self._read_secrets()
        except BadInput:
            return "unknown"
        # A request outlives the sudden end of the process that made it: it may arrive after the answer.
        if self._commands.running(REQUEST, token):
            return "unknown"
        patience_ms = min(_ASK_MS, self.deadline_ms)
        end = await self._commands.run(argv, patience_ms, self._environment(node, token, secrets))
        answers: dict[int | None, Delivery] = {0: "delivered", 1: "not-delivered"}
        return answers.get(end.code, "unknown")

    def manual(self, node: str) -> str:
        """The same command for a person's shell. Secrets in its environment are theirs to provide."""
        return for_a_person(self._reboot.argv, node, self._seen.get(node))

    def _read_secrets(self) -> dict[str, str]:
        """By the variable they go to. Raises BadInput."""
        references = self._reboot.environment
        return {name: self._secrets.read(references[name], name).reveal() for name in sorted(references)}

    def _environment(self, node: Node, token: str, secrets: Mapping[str, str]) -> dict[str, str]:
        passed = {name: self._environ[name] for name in PASSED if name in self._environ}
        return {**passed, **secrets, REQUEST: token, BOOT_ID: node.info.boot_id}


def _said(end: CommandEnd, secrets: Mapping[str, str]) -> str:
    """How it ended and what it wrote, with secrets hidden; of much output the end, and the digest of all of it."""
    parts = [end.why or f"exit code {end.code}"]
    output = hide(end.output, secrets.values())
    if output.strip():
        text = "".join(c if c.isprintable() else " " for c in output.decode("utf-8", "replace").strip())
        if len(text) > _TAIL:
            text = f"…{text[-_TAIL:]} (the end; sha256 of all of it {hashlib.sha256(output).hexdigest()})"
        parts.append(f"said: {text}")
    return "; ".join(parts)
