"""Fetching and publishing over the distribution API, against a registry that is played."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable

import httpx2
import pytest

from shipkeeper.integrations.oci.reference import parse_reference
from shipkeeper.integrations.oci.registry import MANIFEST, Registry
from shipkeeper.model.errors import (
    BadInput,
    Failed,
    Forbidden,
    ShipkeeperError,
    Unauthenticated,
    Unreachable,
    UsageProblem,
)
from shipkeeper.ports.secrets import Secret

TYPE = "application/vnd.shipkeeper.knowledge.v1+json"
BLOB = b'{"facts": 1}'
PASSWORD = "hunter2-CANARY"
Handler = Callable[[httpx2.Request], httpx2.Response]


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def manifest(blob: bytes = BLOB, kind: str = TYPE, layers: int = 1, size: int | None = None) -> bytes:
    layer = {"mediaType": kind, "digest": digest(blob), "size": len(blob) if size is None else size}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [layer] * layers}).encode()


def registry(handler: Handler, text: str = "oci://reg.example/a/b:1", **more: object) -> Registry:
    return Registry(parse_reference(text), transport=httpx2.MockTransport(handler), **more)


def serving(told: bytes, blob: bytes = BLOB) -> Handler:
    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=told if "/manifests/" in request.url.path else blob)

    return handler


def test_the_blob_comes_back_with_the_digest_of_its_manifest():
    found = registry(serving(manifest())).pull(TYPE, 1 << 20)
    assert found.data == BLOB
    assert found.digest == digest(manifest())


def test_a_digest_is_held_against_what_comes():
    good = f"oci://reg.example/a/b@{digest(manifest())}"
    assert registry(serving(manifest()), good).pull(TYPE, 1 << 20).data == BLOB
    with pytest.raises(BadInput) as caught:
        registry(serving(manifest() + b" "), good).pull(TYPE, 1 << 20)
    assert caught.value.code == "digest-mismatch"


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        (serving(manifest(), b"something else"), "not what its digest says"),
        (serving(manifest(kind="application/vnd.oci.image.layer.v1.tar+gzip")), "0 parts"),
        (serving(manifest(layers=2)), "2 parts"),
        (serving(b'{"schemaVersion": 2, "manifests": []}'), "none of one artefact"),
        (serving(b"<html>"), "none of one artefact"),
        (serving(manifest(size=1 << 40)), "larger than"),
        (serving(manifest(size=3), b"x" * (2 << 20)), "sends more than"),
    ],
)
def test_other_content_is_refused(handler, told):
    with pytest.raises(BadInput) as caught:
        registry(handler).pull(TYPE, 1 << 20)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"), [(404, BadInput), (401, Unauthenticated), (403, Forbidden), (500, Failed), (429, Failed)]
)
def test_a_refusal_is_an_error_of_its_kind(status, kind):
    with pytest.raises(kind) as caught:
        registry(lambda request: httpx2.Response(status, text="no")).pull(TYPE, 1 << 20)
    assert str(status) in str(caught.value)


def test_a_registry_that_does_not_answer_is_unreachable():
    def handler(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] unknown authority")

    with pytest.raises(Unreachable) as caught:
        registry(handler).pull(TYPE, 1 << 20)
    assert "--ca" in caught.value.hint


def tokens(asked: list[httpx2.Request], realm: str = "https://auth.example/token") -> Handler:
    """A registry that wants a bearer token from a realm."""

    def handler(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        if request.url.host == "auth.example":
            return httpx2.Response(200, json={"token": "T0KEN"})
        if request.headers.get("authorization") != "Bearer T0KEN":
            challenge = f'Bearer realm="{realm}",service="reg",scope="repository:a/b:pull"'
            return httpx2.Response(401, headers={"WWW-Authenticate": challenge})
        return serving(manifest())(request)

    return handler


def test_a_token_is_fetched_once_and_used_for_the_rest():
    asked: list[httpx2.Request] = []
    found = registry(tokens(asked), username="mirror", password=Secret(PASSWORD)).pull(TYPE, 1 << 20)
    assert found.data == BLOB
    hosts = [request.url.host for request in asked]
    assert hosts == ["reg.example", "auth.example", "reg.example", "reg.example"]
    assert dict(asked[1].url.params) == {"service": "reg", "scope": "repository:a/b:pull"}
    expected = base64.b64encode(f"mirror:{PASSWORD}".encode()).decode()
    assert asked[1].headers["authorization"] == f"Basic {expected}"
    assert all("Basic" not in r.headers.get("authorization", "") for r in asked if r.url.host == "reg.example")


def test_a_realm_without_tls_gets_no_password():
    asked: list[httpx2.Request] = []
    handler = tokens(asked, "http://auth.example/token")
    with pytest.raises(Failed) as caught:
        registry(handler, username="mirror", password=Secret(PASSWORD)).pull(TYPE, 1 << 20)
    assert "without TLS" in str(caught.value)
    assert [request.url.host for request in asked] == ["reg.example"]


def test_a_redirect_takes_no_credentials_along():
    seen: list[tuple[str, str]] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        authorization = request.headers.get("authorization", "")
        seen.append((request.url.host, authorization[:6]))
        if request.url.host == "storage.example":
            return httpx2.Response(200, content=BLOB)
        if not authorization:
            return httpx2.Response(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        if "/blobs/" in request.url.path:
            return httpx2.Response(307, headers={"Location": "https://storage.example/blob"})
        return httpx2.Response(200, content=manifest())

    found = registry(handler, username="mirror", password=Secret(PASSWORD)).pull(TYPE, 1 << 20)
    assert found.data == BLOB
    assert ("storage.example", "") in seen
    assert ("storage.example", "Basic ") not in seen


@pytest.mark.parametrize(
    ("location", "told"), [("http://storage.example/b", "from https to http"), ("/v2/a/b/manifests/1", "without end")]
)
def test_a_bad_redirect_is_refused(location, told):
    with pytest.raises(Failed) as caught:
        registry(lambda request: httpx2.Response(302, headers={"Location": location})).pull(TYPE, 1 << 20)
    assert told in str(caught.value)


def test_another_machine_is_never_spoken_to_without_tls():
    with pytest.raises(UsageProblem) as caught:
        registry(serving(manifest()), plain_http=True)
    assert caught.value.code == "plain-http"


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_no_error_repeats_the_password(status):
    def handler(request: httpx2.Request) -> httpx2.Response:
        told = f"you sent {request.headers.get('authorization', '')}"
        return httpx2.Response(status, text=told, headers={"WWW-Authenticate": 'Basic realm="x"'})

    with pytest.raises(ShipkeeperError) as caught:
        registry(handler, username="mirror", password=Secret(PASSWORD)).pull(TYPE, 1 << 20)
    text = f"{caught.value} {caught.value.hint} {caught.value.why}"
    encoded = base64.b64encode(f"mirror:{PASSWORD}".encode()).decode()
    assert PASSWORD not in text
    assert encoded not in text


def played(store: dict[str, bytes], calls: list[str]) -> Handler:
    """A registry that keeps what it is given."""

    def handler(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        calls.append(f"{request.method} {path.rpartition('/b/')[2]}")
        if request.method == "POST":
            return httpx2.Response(202, headers={"Location": "/v2/a/b/blobs/uploads/u1?state=x"})
        if request.method == "PUT" and "uploads" in path:
            assert request.url.params["state"] == "x"
            name = request.url.params["digest"]
            if digest(request.content) != name:
                return httpx2.Response(400)
            store[name] = request.content
            return httpx2.Response(201)
        if request.method == "PUT":
            store["manifest"] = request.content
            return httpx2.Response(201)
        key = "manifest" if "/manifests/" in path else path.rpartition("/")[2]
        return httpx2.Response(
            200 if key in store else 404, content=store.get(key, b"") if request.method == "GET" else b""
        )

    return handler


def test_what_is_published_can_be_fetched_and_its_name_comes_last():
    store: dict[str, bytes] = {}
    calls: list[str] = []
    made = registry(played(store, calls)).push(BLOB, TYPE, {"org.opencontainers.image.title": "k.json"})
    assert calls[-1] == "PUT manifests/1", (
        "a tag that names what is not there yet would break whoever fetches meanwhile"
    )
    assert registry(played(store, calls)).pull(TYPE, 1 << 20) == (BLOB, made)
    told = json.loads(store["manifest"])
    assert told["artifactType"] == TYPE
    assert told["annotations"] == {"org.opencontainers.image.title": "k.json"}
    calls.clear()
    assert registry(played(store, calls)).push(BLOB, TYPE, {"org.opencontainers.image.title": "k.json"}) == made
    assert not any(call.startswith("POST") for call in calls), "what is there already is not sent again"


def test_nothing_is_published_under_a_digest():
    with pytest.raises(UsageProblem):
        registry(played({}, []), f"oci://reg.example/a/b@{digest(b'')}").push(BLOB, TYPE, {})
