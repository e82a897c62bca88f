"""How to reach one cluster and as whom: what a kubeconfig context, or a pod's service account, comes down to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.integrations.kubernetes.kubeconfig import (
    ClusterEntry,
    Kubeconfig,
    UserEntry,
    config_paths,
    load,
    resolve_path,
)
from shipkeeper.model.errors import BadInput, Location, UsageProblem
from shipkeeper.ports.secrets import Secret

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_EXEC_MODES = ("Never", "IfAvailable", "Always")
_EXEC_EXTENSION = "client.authentication.k8s.io/exec"


class ExecPlugin(Struct, frozen=True):
    """A program that prints a credential. ``cluster`` is what it is told about the cluster, when it asked for that."""

    command: str
    args: tuple[str, ...]
    env: tuple[tuple[str, Secret], ...]
    api_version: str
    interactive: str
    """Never, IfAvailable or Always."""
    install_hint: str = ""
    cluster: dict[str, Any] | None = None


class CertificateFiles(Struct, frozen=True):
    """A client certificate and its key: PEM text, or the path of a file that is read when needed."""

    certificate: bytes = b""
    certificate_path: str = ""
    key: Secret | None = None
    key_path: str = ""


class Access(Struct, frozen=True):
    """One cluster and one identity. ``ca`` is PEM; empty means the system's trust store."""

    server: str
    context: str = ""
    namespace: str = "default"
    ca: bytes = b""
    tls_server_name: str = ""
    insecure: bool = False
    proxy_url: Secret | None = None
    compression: bool = True
    token: Secret | None = None
    token_path: str = ""
    certificate: CertificateFiles | None = None
    plugin: ExecPlugin | None = None
    impersonate: tuple[tuple[str, str], ...] = ()
    """Headers that ask the API server to treat us as somebody else."""
    warnings: tuple[str, ...] = ()
    """What a reader should know before trusting this connection."""

    @property
    def ca_digest(self) -> str:
        """SHA-256 (hex) over the CA's certificates, whatever their order and layout; empty without a CA."""
        if not self.ca:
            return ""
        parts = self.ca.decode("ascii", "replace").split("-----BEGIN CERTIFICATE-----")[1:]
        try:
            certificates = {ssl.PEM_cert_to_DER_cert("-----BEGIN CERTIFICATE-----" + part.strip()) for part in parts}
        except ValueError:
            certificates = {self.ca}
        return hashlib.sha256(b"".join(sorted(certificates))).hexdigest()


def find_access(
    *,
    kubeconfig: str | None = None,
    context: str | None = None,
    environ: Mapping[str, str],
    service_account: str = SERVICE_ACCOUNT,
) -> Access:
    """Decide on a cluster as kubectl does: kubeconfig files first, the pod's service account when there are none.

    Raises UsageProblem (nothing to connect to, unknown context, unsupported authentication) and BadInput (a file
    that is not a kubeconfig).
    """
    paths = config_paths(kubeconfig, environ)
    config = load(paths)
    if not config.contexts and not context and environ.get("KUBERNETES_SERVICE_HOST"):
        return in_cluster(environ, service_account)
    return from_kubeconfig(config, context)


def in_cluster(environ: Mapping[str, str], folder: str = SERVICE_ACCOUNT) -> Access:
    """Access of the pod we run in. Raises UsageProblem when this is not a pod with a service account."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "")
    token, ca = Path(folder, "token"), Path(folder, "ca.crt")
    if not host or not port or not token.is_file() or not ca.is_file():
        raise UsageProblem(
            "this is not a pod with a service account",
            why=f"KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, {token} and {ca} are all needed",
            hint="set automountServiceAccountToken on the pod, or give a kubeconfig",
        )
    namespace = Path(folder, "namespace")
    return Access(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        context="in-cluster",
        namespace=namespace.read_text("utf-8").strip() if namespace.is_file() else "default",
        ca=ca.read_bytes(),
        token_path=str(token),
    )


def from_kubeconfig(config: Kubeconfig, context: str | None = None) -> Access:
    """Access that a context of the merged files describes. Raises UsageProblem and BadInput."""
    name = context or config.current_context
    if not name:
        raise UsageProblem(
            "no cluster to connect to: there is no kubeconfig with a current context",
            hint="name one with --context, or --kubeconfig FILE, or set KUBECONFIG",
        )
    if name not in config.contexts:
        known = ", ".join(sorted(config.contexts)) or "none"
        raise UsageProblem(
            f"there is no context called {name!r} in {', '.join(config.files) or 'any kubeconfig file'}",
            hint=f"contexts there are: {known}",
        )
    entry, file = config.contexts[name]
    if entry.cluster not in config.clusters:
        raise BadInput(f"context {name!r} names a cluster {entry.cluster!r} that is not there", location=Location(file))
    if entry.user and entry.user not in config.users:
        raise BadInput(f"context {name!r} names a user {entry.user!r} that is not there", location=Location(file))
    cluster, cluster_file = config.clusters[entry.cluster]
    user, user_file = config.users[entry.user] if entry.user else (UserEntry(), file)
    access = _reach(cluster, cluster_file, name, entry.namespace or "default")
    return _identify(access, entry.user, user, user_file, cluster)


def _reach(cluster: ClusterEntry, file: str, context: str, namespace: str) -> Access:
    server = cluster.server.rstrip("/")
    if server and "://" not in server:
        server = f"http://{server}"
    try:
        parts = urlsplit(server)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname)
        with_user = parts.username is not None
    except ValueError:
        valid = with_user = False
    if with_user:
        raise _basic_auth(f"the server address of context {context!r}", file)
    if not valid:
        raise BadInput(f"context {context!r} has no usable server address", location=Location(file))
    inline = _decoded(cluster.certificate_authority_data, "certificate-authority-data", file)
    ca_path = "" if inline else resolve_path(cluster.certificate_authority, file)
    if cluster.insecure_skip_tls_verify and (inline or ca_path):
        raise BadInput(
            f"the cluster of context {context!r} has a certificate authority and insecure-skip-tls-verify",
            why="one of them would be ignored, and kubectl refuses such an entry too",
            hint="remove insecure-skip-tls-verify",
            location=Location(file),
        )
    warnings = []
    if cluster.insecure_skip_tls_verify:
        warnings.append(
            f"context {context!r} skips the check of the server's certificate: anybody in between can read the "
            "credential and answer as the cluster; set certificate-authority-data instead"
        )
    return Access(
        server=server,
        context=context,
        namespace=namespace,
        ca=inline or _read(ca_path, "certificate-authority", file),
        tls_server_name=cluster.tls_server_name,
        insecure=cluster.insecure_skip_tls_verify,
        proxy_url=Secret(cluster.proxy_url) if cluster.proxy_url else None,
        compression=not cluster.disable_compression,
        warnings=tuple(warnings),
    )


def _identify(access: Access, name: str, user: UserEntry, file: str, cluster: ClusterEntry) -> Access:
    if user.username or user.password:
        raise _basic_auth(f"user {name!r}", file)
    if user.auth_provider is not None:
        raise UsageProblem(
            f"user {name!r} uses the auth-provider {user.auth_provider.name!r}, which Kubernetes clients dropped",
            why="kubectl removed the cloud providers in 1.26, and OIDC refresh needs secrets in the file",
            hint="use an exec plugin: kubelogin for OIDC and Azure, gke-gcloud-auth-plugin for Google",
            location=Location(file),
        )
    if access.server.startswith("http://"):
        # As kubectl: a credential never travels in the clear.
        note = f"the server of context {access.context!r} is not https: no credential is sent"
        return replace(access, warnings=(*access.warnings, note))
    return replace(
        access,
        token=Secret(user.token) if user.token else None,
        token_path=resolve_path(user.token_file, file),
        certificate=_certificate(name, user, file),
        plugin=_plugin(name, user, file, access, cluster),
        impersonate=_impersonation(name, user, file),
    )


def _certificate(name: str, user: UserEntry, file: str) -> CertificateFiles | None:
    has_certificate = bool(user.client_certificate or user.client_certificate_data)
    has_key = bool(user.client_key or user.client_key_data)
    if not has_certificate and not has_key:
        return None
    if has_certificate != has_key:
        lacking = "client-key" if has_certificate else "client-certificate"
        raise BadInput(f"user {name!r} lacks {lacking}", location=Location(file))
    key = _decoded(user.client_key_data, "client-key-data", file)
    certificate = _decoded(user.client_certificate_data, "client-certificate-data", file)
    return CertificateFiles(
        certificate=certificate,
        certificate_path="" if certificate else resolve_path(user.client_certificate, file),
        key=Secret(key.decode("ascii", "replace")) if key else None,
        key_path="" if key else resolve_path(user.client_key, file),
    )


def _plugin(name: str, user: UserEntry, file: str, access: Access, cluster: ClusterEntry) -> ExecPlugin | None:
    entry = user.exec
    if entry is None:
        return None
    if not entry.command:
        raise BadInput(f"user {name!r} has an exec plugin without a command", location=Location(file))
    if entry.api_version not in _EXEC_VERSIONS:
        raise BadInput(
            f"user {name!r} has an exec plugin with apiVersion {entry.api_version!r}",
            hint=f"use a newer plugin, with apiVersion: {_EXEC_VERSIONS[0]}",
            location=Location(file),
        )
    mode = entry.interactive_mode or ("IfAvailable" if entry.api_version.endswith("beta1") else "")
    if mode not in _EXEC_MODES:
        raise BadInput(
            f"user {name!r} has an exec plugin without a valid interactiveMode",
            why=f"{_EXEC_VERSIONS[0]} asks for one of {', '.join(_EXEC_MODES)}",
            hint="set interactiveMode: IfAvailable",
            location=Location(file),
        )
    # Only a command with a folder in it is relative to the file; a bare name is looked up in PATH.
    command = resolve_path(entry.command, file) if os.sep in entry.command else entry.command
    return ExecPlugin(
        command=command,
        args=entry.args,
        env=tuple((variable.name, Secret(variable.value)) for variable in entry.env),
        api_version=entry.api_version,
        interactive=mode,
        install_hint=entry.install_hint,
        cluster=_cluster_info(access, cluster) if entry.provide_cluster_info else None,
    )


def _cluster_info(access: Access, cluster: ClusterEntry) -> dict[str, Any]:
    """``spec.cluster`` of an ExecCredential."""
    info: dict[str, Any] = {"server": cluster.server}
    if access.tls_server_name:
        info["tls-server-name"] = access.tls_server_name
    if access.insecure:
        info["insecure-skip-tls-verify"] = True
    if access.ca:
        info["certificate-authority-data"] = base64.b64encode(access.ca).decode("ascii")
    if access.proxy_url:
        info["proxy-url"] = access.proxy_url.reveal()
    if not access.compression:
        info["disable-compression"] = True
    for extension in cluster.extensions:
        if extension.name == _EXEC_EXTENSION:
            info["config"] = extension.extension
    return info


def _impersonation(name: str, user: UserEntry, file: str) -> tuple[tuple[str, str], ...]:
    if not user.as_user and (user.as_uid or user.as_groups or user.as_user_extra):
        raise BadInput(f"user {name!r} impersonates a group, uid or extra without a user", location=Location(file))
    headers = [("Impersonate-User", user.as_user)] if user.as_user else []
    if user.as_uid:
        headers.append(("Impersonate-Uid", user.as_uid))
    headers.extend(("Impersonate-Group", group) for group in user.as_groups)
    for key, items in user.as_user_extra.items():
        headers.extend((f"Impersonate-Extra-{quote(key, safe='')}", item) for item in items)
    return tuple(headers)


def _basic_auth(what: str, file: str) -> UsageProblem:
    return UsageProblem(
        f"{what} uses a user name and password",
        why="Kubernetes removed basic authentication in 1.19: no API server accepts it",
        hint="use a token, a client certificate or an exec plugin",
        location=Location(file),
    )


def _decoded(data: str, key: str, file: str) -> bytes:
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadInput(f"{key} is not base64", location=Location(file)) from None


def _read(path: str, key: str, file: str) -> bytes:
    if not path:
        return b""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {key} {path}: {error.strerror}", location=Location(file)) from error
