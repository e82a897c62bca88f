"""Kubeconfig files, read and merged as kubectl does.

The rules are those of https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/:
an explicit file stands alone and must exist; else the files of ``KUBECONFIG``, where missing ones are skipped; else
``~/.kube/config``. The first file to name a cluster, user or context wins all of that entry; the first to set
``current-context`` sets it. Relative paths are relative to the file they are written in.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml
from msgspec import Struct

from shipkeeper.model.errors import BadInput, Location, UsageProblem


class NamedExtension(Struct, frozen=True):
    """An extension of a cluster entry; ``client.authentication.k8s.io/exec`` is handed to exec plugins."""

    name: str
    extension: Any = None


class ClusterEntry(Struct, frozen=True, rename="kebab"):
    """How to reach an API server."""

    server: str = ""
    tls_server_name: str = ""
    insecure_skip_tls_verify: bool = False
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    proxy_url: str = ""
    disable_compression: bool = False
    extensions: tuple[NamedExtension, ...] = ()


class ExecVariable(Struct, frozen=True):
    """An environment variable for an exec plugin."""

    name: str
    value: str = ""


class ExecEntry(Struct, frozen=True, rename="camel"):
    """An exec credential plugin."""

    command: str = ""
    args: tuple[str, ...] = ()
    env: tuple[ExecVariable, ...] = ()
    api_version: str = ""
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = ""


class AuthProviderEntry(Struct, frozen=True):
    """A legacy auth-provider. Its configuration holds secrets and is not read."""

    name: str = ""


class UserEntry(Struct, frozen=True, rename="kebab"):
    """Who we say we are."""

    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    token: str = ""
    token_file: str = msgspec.field(default="", name="tokenFile")
    username: str = ""
    password: str = ""
    auth_provider: AuthProviderEntry | None = None
    exec: ExecEntry | None = None
    as_user: str = msgspec.field(default="", name="as")
    as_uid: str = ""
    as_groups: tuple[str, ...] = ()
    as_user_extra: dict[str, tuple[str, ...]] = {}

    def __repr__(self) -> str:
        return "UserEntry(***)"


class ContextEntry(Struct, frozen=True):
    """A cluster, a user and a namespace under one name."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""


class _NamedCluster(Struct, frozen=True):
    name: str
    cluster: ClusterEntry = ClusterEntry()


class _NamedUser(Struct, frozen=True):
    name: str
    user: UserEntry = UserEntry()


class _NamedContext(Struct, frozen=True):
    name: str
    context: ContextEntry = ContextEntry()


class _File(Struct, frozen=True, rename="kebab"):
    clusters: tuple[_NamedCluster, ...] = ()
    users: tuple[_NamedUser, ...] = ()
    contexts: tuple[_NamedContext, ...] = ()
    current_context: str = ""


T = TypeVar("T")
Located = tuple[T, str]
"""An entry and the file it is from."""


class Kubeconfig(Struct, frozen=True):
    """Several files as one. Each entry comes with the file it is from."""

    files: tuple[str, ...]
    clusters: dict[str, Located[ClusterEntry]]
    users: dict[str, Located[UserEntry]]
    contexts: dict[str, Located[ContextEntry]]
    current_context: str = ""


def config_paths(explicit: str | None, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Files to read, in order of precedence. Raises UsageProblem when an explicit one is not there."""
    if explicit:
        if not os.path.isfile(explicit):
            raise UsageProblem(f"there is no kubeconfig file {explicit}", hint="check the path after --kubeconfig")
        return (explicit,)
    listed = environ.get("KUBECONFIG", "")
    if listed:
        found = dict.fromkeys(path for path in listed.split(os.pathsep) if path)
        return tuple(path for path in found if os.path.isfile(path))
    home = environ.get("HOME") or os.path.expanduser("~")
    default = os.path.join(home, ".kube", "config")
    return (default,) if os.path.isfile(default) else ()


def load(paths: Sequence[str]) -> Kubeconfig:
    """Read and merge files. Raises BadInput with the file (and line) when one is not a kubeconfig."""
    clusters: dict[str, Located[ClusterEntry]] = {}
    users: dict[str, Located[UserEntry]] = {}
    contexts: dict[str, Located[ContextEntry]] = {}
    current = ""
    for path in paths:
        file = _read(path)
        _keep_first(clusters, [(item.name, item.cluster) for item in file.clusters], path, "cluster")
        _keep_first(users, [(item.name, item.user) for item in file.users], path, "user")
        _keep_first(contexts, [(item.name, item.context) for item in file.contexts], path, "context")
        current = current or file.current_context
    return Kubeconfig(tuple(paths), clusters, users, contexts, current)


def _keep_first(into: dict[str, Located[T]], entries: list[tuple[str, T]], path: str, what: str) -> None:
    here: set[str] = set()
    for name, entry in entries:
        if name in here:
            raise BadInput(
                f"two {what}s are called {name!r}",
                why="kubectl refuses such a file too: which of them is meant cannot be known",
                hint="rename or remove one of them",
                location=Location(path),
            )
        here.add(name)
        into.setdefault(name, (entry, path))


def _read(path: str) -> _File:
    try:
        document = yaml.safe_load(Path(path).read_bytes())
    except OSError as error:
        raise UsageProblem(f"cannot read the kubeconfig file {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        # The library's own message quotes the file, and a kubeconfig holds secrets: only the place is told.
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise BadInput("the kubeconfig file is not YAML", location=Location(path, line, column)) from None
    if document is None:
        return _File()
    try:
        return msgspec.convert(_without_nulls(document), _File)
    except msgspec.ValidationError as error:
        raise BadInput(f"the kubeconfig file does not have the right form: {error}", location=Location(path)) from None


def _without_nulls(value: Any) -> Any:
    """Go reads an explicit null as the empty value; so do we."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value


def resolve_path(value: str, file: str) -> str:
    """A path as written in ``file``: relative ones start at that file's folder."""
    return os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(file)), value)) if value else ""
