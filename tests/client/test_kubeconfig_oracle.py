"""The official Python client's loader and ours come to the same connection.

Where the two differ on purpose, ours does as kubectl does, and the generator stays away: the official one takes the
last file's current-context and not the first's, resolves a user's paths against the cluster's file, prefers a
token over a tokenFile, strips no trailing newline, and takes basic authentication.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import kubernetes.client
import kubernetes.config
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from shipkeeper.integrations.kubernetes.access import Access, find_access
from shipkeeper.model.errors import UsageProblem

NAMES = ["a", "b"]
Document = dict[str, Any]


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def entry(fields: dict[str, st.SearchStrategy[Any]], always: Document) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries({key: st.just(value) for key, value in always.items()}, optional=fields)


texts = st.sampled_from(["x", "y.example", "z-1"])
clusters = st.one_of(
    entry(
        {
            "tls-server-name": texts,
            "proxy-url": st.sampled_from(["http://proxy:3128", "https://other:8080"]),
            "certificate-authority-data": texts.map(b64),
            "certificate-authority": st.sampled_from(["ca.pem", "sub/ca.pem"]),
        },
        {"server": "https://one:6443"},
    ),
    entry({"insecure-skip-tls-verify": st.booleans()}, {"server": "https://two/base/"}),
)
users = st.one_of(
    entry({"token": texts}, {}),
    entry({}, {"tokenFile": "token"}),
    entry(
        {"client-certificate-data": texts.map(b64), "client-key-data": texts.map(b64)},
        {"client-certificate": "cert.pem", "client-key": "sub/key.pem"},
    ),
)


def named(what: str, entries: st.SearchStrategy[Document]) -> st.SearchStrategy[list[Document]]:
    one = st.dictionaries(st.sampled_from(NAMES), entries, min_size=1)
    return one.map(lambda found: [{"name": name, what: value} for name, value in found.items()])


contexts = st.fixed_dictionaries(
    {"cluster": st.sampled_from(NAMES), "user": st.sampled_from(NAMES)}, optional={"namespace": texts}
)
files = st.lists(
    st.fixed_dictionaries(
        {
            "clusters": named("cluster", clusters),
            "users": named("user", users),
            "contexts": named("context", contexts),
        }
    ),
    min_size=1,
    max_size=3,
)
FILES = ("ca.pem", "sub/ca.pem", "cert.pem", "sub/key.pem", "token")


def official(path: str, context: str) -> kubernetes.client.Configuration | None:
    """The official client's answer; None when it cannot use the context."""
    found = type.__call__(kubernetes.client.Configuration)
    try:
        kubernetes.config.load_kube_config(path, context, client_configuration=found, persist_config=False)
    except kubernetes.config.ConfigException:
        return None
    return found


def ours(path: str, context: str) -> Access | None:
    try:
        return find_access(context=context, environ={"KUBECONFIG": path})
    except UsageProblem:
        return None


def content(path: str | None) -> bytes:
    return Path(path).read_bytes() if path else b""


def same(access: Access, found: kubernetes.client.Configuration) -> None:
    assert access.server == found.host
    assert access.ca == content(found.ssl_ca_cert)
    assert access.insecure is not found.verify_ssl
    assert access.tls_server_name == (found.tls_server_name or "")
    assert (access.proxy_url.reveal() if access.proxy_url else None) == found.proxy
    pair = access.certificate
    certificate = (pair.certificate or content(pair.certificate_path)) if pair else b""
    key = (pair.key.reveal().encode() if pair.key else content(pair.key_path)) if pair else b""
    assert (certificate, key) == (content(found.cert_file), content(found.key_file))
    token = access.token.reveal() if access.token else content(access.token_path).decode()
    assert found.api_key.get("BearerToken", "Bearer ").removeprefix("Bearer ") == token


@given(documents=files, context=st.sampled_from(NAMES))
@settings(max_examples=120)
@example(
    documents=[
        {"clusters": [{"name": "a", "cluster": {"server": "https://one", "certificate-authority": "ca.pem"}}]},
        {"users": [{"name": "b", "user": {"token": "x"}}, {"name": "a", "user": {"tokenFile": "token"}}]},
        {"contexts": [{"name": "a", "context": {"cluster": "a", "user": "b"}}]},
    ],
    context="a",
)
def test_both_loaders_agree(documents: list[Document], context: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "sub"))
        for name in FILES:
            Path(folder, name).write_text(f"content of {name}")
        paths = []
        for index, document in enumerate(documents):
            path = Path(folder, f"config-{index}")
            path.write_text(json.dumps(document | {"apiVersion": "v1", "kind": "Config"}))
            paths.append(str(path))
        listed = os.pathsep.join(paths)
        theirs, mine = official(listed, context), ours(listed, context)
        event(f"official {'refuses' if theirs is None else 'uses'}, we {'refuse' if mine is None else 'use'} it")
        if theirs is None:
            assert mine is None, "we use a context that the official client refuses"
        elif mine is None:
            # As kubectl, and unlike the official client: a user that is named must be there.
            users = {item["name"] for document in documents for item in document.get("users", [])}
            used = next(
                item["context"]["user"]
                for document in documents
                for item in document.get("contexts", [])
                if item["name"] == context
            )
            assert used not in users, "we refuse a context that the official client can use"
        else:
            same(mine, theirs)


def test_the_comparison_can_fail() -> None:
    """A comparison that holds for anything would prove nothing."""
    found = type.__call__(kubernetes.client.Configuration)
    found.host = "https://one"
    with pytest.raises(AssertionError):
        same(Access(server="https://other"), found)
