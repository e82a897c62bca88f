"""Kubeconfig files, read and merged as kubectl does."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from shipkeeper.integrations.kubernetes.access import Access, find_access, from_kubeconfig
from shipkeeper.integrations.kubernetes.kubeconfig import load
from shipkeeper.model.errors import BadInput, UsageProblem

CA = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def config(
    user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None, context: str = "c"
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "k", "cluster": {"server": "https://k:6443", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": context, "context": {"cluster": "k", "user": "u"}}],
        "current-context": context,
    }


def write(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def access_of(tmp_path: Path, document: Any, context: str | None = None) -> Access:
    return from_kubeconfig(load([str(write(tmp_path / "config", document))]), context)


def refused(tmp_path: Path, document: Any) -> UsageProblem:
    with pytest.raises(UsageProblem) as error:
        access_of(tmp_path, document)
    return error.value


def test_the_first_file_to_name_a_thing_wins_all_of_it(tmp_path: Path) -> None:
    first = config({"token": "one"}, {"server": "https://first:6443"})
    del first["current-context"]
    second = config({"token": "two", "as": "boss"}, {"server": "https://second:6443", "tls-server-name": "s"}, "other")
    second["contexts"].append({"name": "c", "context": {"cluster": "nowhere"}})
    third = {"current-context": "c"}
    names = ["a", "b", "d"]
    files = [str(write(tmp_path / n, d)) for n, d in zip(names, (first, second, third), strict=True)]
    merged = load(files)
    assert merged.current_context == "other", "the first file that sets current-context"
    access = from_kubeconfig(merged, "c")
    assert access.server == "https://first:6443"
    assert access.token is not None
    assert access.token.reveal() == "one"
    assert access.tls_server_name == "", "nothing of the second file's entry of that name"
    assert access.impersonate == ()


def test_kubeconfig_lists_files_and_missing_ones_are_skipped(tmp_path: Path) -> None:
    real = write(tmp_path / "config", config({"token": "t"}))
    listed = os.pathsep.join([str(tmp_path / "nope"), "", str(real), str(real)])
    assert find_access(environ={"KUBECONFIG": listed}).context == "c"


def test_an_explicit_file_stands_alone_and_must_exist(tmp_path: Path) -> None:
    environ = {"KUBECONFIG": str(write(tmp_path / "config", config({"token": "t"})))}
    with pytest.raises(UsageProblem, match="there is no kubeconfig file"):
        find_access(kubeconfig=str(tmp_path / "nope"), environ=environ)


def test_home_is_where_it_is_looked_for_last(tmp_path: Path) -> None:
    write(tmp_path / ".kube" / "config", config(context="home"))
    assert find_access(environ={"HOME": str(tmp_path)}).context == "home"


def test_nothing_to_connect_to_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem) as error:
        find_access(environ={"HOME": str(tmp_path)})
    assert "--context" in error.value.hint


def test_an_unknown_context_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem) as error:
        access_of(tmp_path, config(), "prod")
    assert "contexts there are: c" in error.value.hint


def test_relative_paths_start_at_their_own_file(tmp_path: Path) -> None:
    write(tmp_path / "one" / "ca.pem", CA.decode())
    cluster = config(cluster={"certificate-authority": "ca.pem"})
    cluster["users"] = []
    plugin = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "./bin/login"}
    user = {"client-certificate": "c.pem", "client-key": "../k.pem", "tokenFile": "t", "exec": plugin}
    users = {"users": [{"name": "u", "user": user}]}
    files = [write(tmp_path / "one" / "config", cluster), write(tmp_path / "two" / "config", users)]
    access = from_kubeconfig(load([str(file) for file in files]))
    assert access.ca == CA
    assert access.certificate is not None
    assert access.plugin is not None
    assert access.certificate.certificate_path == str(tmp_path / "two" / "c.pem")
    assert access.certificate.key_path == str(tmp_path / "k.pem")
    assert access.token_path == str(tmp_path / "two" / "t")
    assert access.plugin.command == str(tmp_path / "two" / "bin" / "login")


def test_a_plugin_without_a_folder_in_its_name_is_looked_up_in_path(tmp_path: Path) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "login", "interactiveMode": "Never"}
    access = access_of(tmp_path, config({"exec": plugin}))
    assert access.plugin is not None
    assert access.plugin.command == "login"


def test_data_goes_before_a_file(tmp_path: Path) -> None:
    user = {
        "client-certificate-data": b64(b"CERT"),
        "client-certificate": "x",
        "client-key-data": b64(b"KEY"),
        "client-key": "x",
    }
    access = access_of(tmp_path, config(user, {"certificate-authority-data": b64(CA), "certificate-authority": "no"}))
    assert access.certificate is not None
    assert (access.certificate.certificate, access.certificate.certificate_path) == (b"CERT", "")
    assert access.certificate.key is not None
    assert (access.certificate.key.reveal(), access.certificate.key_path) == ("KEY", "")
    assert access.ca == CA


def test_everything_about_the_connection_is_taken(tmp_path: Path) -> None:
    cluster = {
        "server": "https://10.0.0.1:6443/k8s/clusters/c-1/",
        "tls-server-name": "kube.example",
        "proxy-url": "http://proxy:3128",
        "disable-compression": True,
        "certificate-authority-data": b64(CA),
    }
    document = config({"token": "t", "as": "boss", "as-groups": ["g1", "g2"], "as-user-extra": {"a/b": ["v"]}}, cluster)
    document["contexts"][0]["context"]["namespace"] = "shop"
    access = access_of(tmp_path, document)
    assert access.server == "https://10.0.0.1:6443/k8s/clusters/c-1"
    assert access.tls_server_name == "kube.example"
    assert access.proxy_url is not None
    assert access.proxy_url.reveal() == "http://proxy:3128"
    assert not access.compression
    assert access.namespace == "shop"
    assert access.impersonate == (
        ("Impersonate-User", "boss"),
        ("Impersonate-Group", "g1"),
        ("Impersonate-Group", "g2"),
        ("Impersonate-Extra-a%2Fb", "v"),
    )


def test_skipping_the_servers_certificate_is_warned_of(tmp_path: Path) -> None:
    access = access_of(tmp_path, config(cluster={"insecure-skip-tls-verify": True}))
    assert access.insecure
    assert "anybody in between" in access.warnings[0]


def test_no_credential_travels_in_the_clear(tmp_path: Path) -> None:
    access = access_of(tmp_path, config({"token": "t"}, {"server": "http://localhost:8080"}))
    assert access.token is None
    assert "no credential is sent" in access.warnings[0]


def test_nulls_are_nothing(tmp_path: Path) -> None:
    document = "{clusters: [{name: k, cluster: {server: 'https://k', certificate-authority: null}}], users: null,\n"
    document += "contexts: [{name: c, context: {cluster: k, user: ''}}], current-context: c, preferences: {}}"
    assert access_of(tmp_path, document).server == "https://k"


def test_an_empty_file_is_no_error_of_the_others(tmp_path: Path) -> None:
    files = [write(tmp_path / "empty", ""), write(tmp_path / "config", config())]
    assert from_kubeconfig(load([str(file) for file in files])).context == "c"


SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    ("user", "words", "hint"),
    [
        ({"username": "joe", "password": SECRET}, "user name and password", "token"),
        (
            {"auth-provider": {"name": "oidc", "config": {"client-secret": SECRET}}},
            "auth-provider 'oidc'",
            "exec plugin: kubelogin",
        ),
        ({"client-certificate-data": b64(b"x")}, "lacks client-key", ""),
        ({"client-key-data": b64(SECRET.encode())}, "lacks client-certificate", ""),
        ({"client-certificate-data": "%%%", "client-key-data": "x"}, "is not base64", ""),
        ({"exec": {"apiVersion": "client.authentication.k8s.io/v1"}}, "without a command", ""),
        (
            {"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "x"}},
            "v1alpha1",
            "client.authentication.k8s.io/v1",
        ),
        ({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "x"}}, "interactiveMode", "IfAvailable"),
        (
            {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": "x",
                    "interactiveMode": "Sometimes",
                }
            },
            "interactiveMode",
            "",
        ),
        ({"as-groups": ["g"]}, "without a user", ""),
        ({"token": {"secret": SECRET}}, "right form", ""),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_fix(
    tmp_path: Path, user: dict[str, Any], words: str, hint: str
) -> None:
    error = refused(tmp_path, config(user))
    assert words in error.message
    assert hint in error.hint
    assert error.location is not None
    assert error.location.file.endswith("config")
    assert SECRET not in str(error) + error.why + error.hint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"clusters": []}, "names a cluster 'k' that is not there"),
        ({"users": []}, "names a user 'u' that is not there"),
        ({"users": [{"name": "u"}, {"name": "u"}]}, "two users are called 'u'"),
        ({"clusters": [{"name": "k", "cluster": {}}]}, "no usable server address"),
        ({"clusters": [{"name": "k", "cluster": {"server": "ftp://k"}}]}, "no usable server address"),
        ({"clusters": [{"name": "k", "cluster": {"server": "https://joe:pw@k"}}]}, "user name and password"),
        (
            {"clusters": [{"name": "k", "cluster": {"server": "https://k", "certificate-authority": "no.pem"}}]},
            "cannot read certificate-authority",
        ),
        (
            {
                "clusters": [
                    {
                        "name": "k",
                        "cluster": {
                            "server": "https://k",
                            "certificate-authority-data": b64(CA),
                            "insecure-skip-tls-verify": True,
                        },
                    }
                ]
            },
            "insecure-skip-tls-verify",
        ),
        ({"contexts": {}}, "right form"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    assert words in refused(tmp_path, {**config(), **change}).message


def test_yaml_that_is_none_tells_the_place_and_quotes_nothing(tmp_path: Path) -> None:
    error = refused(tmp_path, f"users:\n- name: u\n  user: {{token: '{SECRET}\n")
    assert isinstance(error, BadInput)
    assert error.location is not None
    assert error.location.line > 1
    assert SECRET not in str(error), "YAML's own message quotes the line, and the line holds a token"
    assert SECRET not in str(refused(tmp_path, f"password: *{SECRET}"))


def pod_folder(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    write(tmp_path / "sa" / "token", "t\n")
    write(tmp_path / "sa" / "ca.crt", CA.decode())
    write(tmp_path / "sa" / "namespace", "ops")
    environ = {
        "HOME": str(tmp_path),
        "KUBERNETES_SERVICE_HOST": "10.96.0.1",
        "KUBERNETES_SERVICE_PORT": "443",
    }
    return tmp_path / "sa", environ


def test_in_a_pod_the_service_account_is_used(tmp_path: Path) -> None:
    folder, environ = pod_folder(tmp_path)
    access = find_access(environ=environ, service_account=str(folder))
    assert (access.server, access.namespace, access.context) == ("https://10.96.0.1:443", "ops", "in-cluster")
    assert access.token_path == str(folder / "token"), "the kubelet replaces it: it must be read again"
    six = {**environ, "KUBERNETES_SERVICE_HOST": "fd00::1"}
    assert find_access(environ=six, service_account=str(folder)).server == "https://[fd00::1]:443"


def test_a_kubeconfig_goes_before_the_service_account(tmp_path: Path) -> None:
    folder, environ = pod_folder(tmp_path)
    file = write(tmp_path / "config", config())
    found = find_access(environ={**environ, "KUBECONFIG": str(file)}, service_account=str(folder))
    assert found.server == "https://k:6443"


def test_a_pod_without_a_service_account_says_so(tmp_path: Path) -> None:
    _, environ = pod_folder(tmp_path)
    with pytest.raises(UsageProblem) as error:
        find_access(environ=environ, service_account=str(tmp_path / "none"))
    assert "automountServiceAccountToken" in error.value.hint
