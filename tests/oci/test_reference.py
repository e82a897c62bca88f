"""Names of artefacts, and what a registry asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.integrations.oci.challenge import Challenge, is_private, read_challenge
from shipkeeper.integrations.oci.reference import Reference, parse_reference
from shipkeeper.model.errors import UsageProblem

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("oci://harbor.example.org/a/b:1.2", Reference("harbor.example.org", "a/b", "1.2")),
        ("oci://localhost:5000/a", Reference("localhost:5000", "a", "latest")),
        (f"oci://[::1]:5000/a@{DIGEST}", Reference("[::1]:5000", "a", "", DIGEST)),
        (f"oci://r.example/a:tag@{DIGEST}", Reference("r.example", "a", "", DIGEST)),
    ],
)
def test_references_are_read(text, wanted):
    assert parse_reference(text) == wanted
    assert parse_reference(str(wanted)) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "", "oci://", "oci://host", "oci://host/", "https://host/a", "oci://host/A", "oci://host/a:", "oci://host/../a",
        "oci://host/a@", "oci://host/a@sha256:00", "oci://us er@host/a", "oci://user:pw@host/a", "oci://host/a:-x", "oci://host/a?b",
    ],
)  # fmt: skip
def test_other_text_is_refused_before_anything_is_sent(text):
    with pytest.raises(UsageProblem):
        parse_reference(text)


@given(st.text(max_size=60))
def test_no_text_gets_past_with_anything_but_safe_characters(text):
    try:
        found = parse_reference("oci://" + text)
    except UsageProblem:
        return
    assert not set(found.registry + found.repository + found.version) & set(" \t\n?#%\\@'\"<>")
    assert ".." not in found.repository


@pytest.mark.parametrize(
    ("registry", "here"),
    [
        ("localhost:5000", True), ("127.0.0.1", True), ("[::1]:5000", True), ("127.0.0.1.example.org", False),
        ("10.0.0.1", False),
    ],
)  # fmt: skip
def test_only_this_machine_is_this_machine(registry, here):
    assert Reference(registry, "a", "b").is_loopback is here


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ('Basic realm="x"', Challenge("basic")),
        (
            'Bearer realm="https://auth.example/token",service="reg",scope="repository:a:pull,push"',
            Challenge("bearer", "https://auth.example/token", "reg", "repository:a:pull,push"),
        ),
        ("bearer realm=https://auth.example/t, service=reg", Challenge("bearer", "https://auth.example/t", "reg")),
        ("Negotiate", None),
        ("Bearer", None),
        ("", None),
    ],
)
def test_challenges_are_read(header, wanted):
    assert read_challenge(header) == wanted


def test_a_password_goes_over_tls_or_stays_on_this_machine():
    assert is_private("https://auth.example/token", loopback=False)
    assert not is_private("http://auth.example/token", loopback=False)
    assert is_private("http://localhost:5000/token", loopback=True)
