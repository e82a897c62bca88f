"""Exec credential plugins: client.authentication.k8s.io/v1 and v1beta1.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from shipkeeper.integrations.kubernetes.access import ExecPlugin
from shipkeeper.model.errors import BadInput, ShipkeeperError, Unauthenticated, UsageProblem
from shipkeeper.model.time import SECOND, parse_instant
from shipkeeper.ports.secrets import Secret, redact

DEADLINE_MS = 60 * SECOND
INTERACTIVE_DEADLINE_MS = 600 * SECOND


class PluginAnswer(Struct, frozen=True):
    """What a plugin gave us. ``expires_ms`` None: it did not say."""

    token: Secret | None = None
    certificate: bytes = b""
    key: Secret | None = None
    expires_ms: int | None = None


class _Status(Struct, rename="camel"):
    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: str | None = None


class _ExecCredential(Struct, rename="camel"):
    api_version: str
    kind: str
    status: _Status | None = None


async def run_plugin(
    plugin: ExecPlugin,
    environ: Mapping[str, str],
    *,
    interactive: bool = False,
    deadline_ms: int = 0,
) -> PluginAnswer:
    """Run the plugin once. ``interactive``: a person is there, and the plugin may talk to them through the terminal.

    Raises UsageProblem (the program is not there, or needs a person and there is none) and Unauthenticated (it
    failed, took too long, or did not print a credential). Nothing it prints on standard output gets into a message.
    """
    if plugin.interactive == "Always" and not interactive:
        raise UsageProblem(
            f"the exec plugin {plugin.command} always asks a person, and nobody is there to answer",
            code="exec-plugin-interactive",
            why="a run that needs a person to log in again would stop in the middle of the night",
            hint="use a service account token, a client certificate, or a plugin that can log in by itself",
        )
    at_terminal = interactive and plugin.interactive != "Never"
    limit_ms = deadline_ms or (INTERACTIVE_DEADLINE_MS if at_terminal else DEADLINE_MS)
    process = await _start(plugin, environ, at_terminal)
    try:
        async with asyncio.timeout(limit_ms / SECOND):
            output, complaint = await process.communicate()
    except TimeoutError:
        raise _failed(plugin, f"did not answer within {limit_ms // SECOND} s") from None
    finally:
        await _end(process)
    if process.returncode:
        said = redact((complaint or b"").decode("utf-8", "replace"))
        raise _failed(plugin, f"ended with code {process.returncode}" + (f": {said}" if said else ""))
    return _read(plugin, output)


async def _start(plugin: ExecPlugin, environ: Mapping[str, str], at_terminal: bool) -> Process:
    spec: dict[str, object] = {"interactive": at_terminal}
    if plugin.cluster is not None:
        spec["cluster"] = plugin.cluster
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    env = {**environ, **{name: value.reveal() for name, value in plugin.env}}
    env["KUBERNETES_EXEC_INFO"] = msgspec.json.encode(info).decode()
    try:
        return await asyncio.create_subprocess_exec(
            plugin.command,
            *plugin.args,
            stdin=None if at_terminal else DEVNULL,
            stdout=PIPE,
            stderr=None if at_terminal else PIPE,
            env=env,
        )
    except OSError as error:
        where = "" if os.sep in plugin.command else " in PATH"
        raise UsageProblem(
            f"cannot start the exec plugin {plugin.command}: {error.strerror}",
            code="exec-plugin-missing",
            hint=redact(plugin.install_hint) or f"install it, so that it is found{where}",
        ) from error


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _read(plugin: ExecPlugin, output: bytes) -> PluginAnswer:
    try:
        answer = msgspec.json.decode(output, type=_ExecCredential)
    except msgspec.MsgspecError:
        # The decoder's message could quote what the plugin printed.
        raise _failed(plugin, "did not print an ExecCredential") from None
    if answer.kind != "ExecCredential" or answer.api_version != plugin.api_version:
        raise _failed(
            plugin,
            f"printed {redact(answer.kind)} {redact(answer.api_version)}, not ExecCredential {plugin.api_version}",
        )
    status = answer.status or _Status()
    if bool(status.client_certificate_data) != bool(status.client_key_data):
        raise _failed(plugin, "gave one of clientCertificateData and clientKeyData, and both belong together")
    if not status.token and not status.client_certificate_data:
        raise _failed(plugin, "gave neither a token nor a client certificate")
    return PluginAnswer(
        token=Secret(status.token) if status.token else None,
        certificate=status.client_certificate_data.encode(),
        key=Secret(status.client_key_data) if status.client_key_data else None,
        expires_ms=_instant(plugin, status.expiration_timestamp),
    )


def _instant(plugin: ExecPlugin, text: str | None) -> int | None:
    if not text:
        return None
    try:
        # Go prints up to nanoseconds; Python reads up to microseconds.
        return parse_instant(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except BadInput:
        raise _failed(plugin, f"gave an expirationTimestamp that is none: {redact(text, 40)!r}") from None


def _failed(plugin: ExecPlugin, what: str) -> ShipkeeperError:
    return Unauthenticated(
        f"the exec plugin {plugin.command} {what}",
        code="exec-plugin-failed",
        why="without its credential the cluster does not let us in",
        hint="run any kubectl command with the same context: it uses the same plugin",
    )
