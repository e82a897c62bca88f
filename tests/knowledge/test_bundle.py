"""Bundles of facts: signed, whole or not at all, never older than what is there."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.app.knowledge import (
    TrustedKey,
    find_installed,
    install,
    installed_path,
    load_knowledge,
    make_bundle,
    pin,
    read_own,
    remove,
    trusted_key,
)
from shipkeeper.app.state import State
from shipkeeper.journal.keys import Ed25519Signer, public_pem
from shipkeeper.knowledge.bundle import open_bundle
from shipkeeper.knowledge.library import BUNDLED, Knowledge, bundled
from shipkeeper.model.errors import BadInput, Problems, Refused, ShipkeeperError, UsageProblem
from shipkeeper.model.platform import Sources

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = TrustedKey(Path("pub.pem"), PRIVATE.public_key())
OTHER = TrustedKey(Path("other.pem"), Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())
KEV = json.dumps(
    {
        "dateReleased": "2026-11-20T14:00:01Z",
        "vulnerabilities": [{"cveID": "CVE-2025-1974", "dateAdded": "2026-11-20"}],
    }
).encode()


def support(issued: str, line: str) -> bytes:
    """A support section with one line of one product."""
    file = {
        "format": 1, "kind": "support", "issued": issued, "sources": {"s": {"title": "S", "retrieved": "2026-11-20"}},
        "products": [{"id": "shop", "source": "s", "cycles": [[line, "", "", "2027-01-01"]]}],
    }  # fmt: skip
    return msgspec.json.encode(file)


def bundle(issued: str = "2026-11-24T10:00:00Z", line: str = "1.0", **sections: bytes) -> bytes:
    given = {"support": support("2099-01-01", line), **sections}
    return make_bundle(bundled(), given, issued, "a test", Ed25519Signer(PRIVATE))[0]


@pytest.fixture
def state(tmp_path) -> State:
    return State.open(tmp_path / "state")


def lines(state: State) -> tuple[str, ...]:
    return tuple(cycle.name for cycle in load_knowledge(state).support.cycles("shop"))


def test_an_installed_bundle_is_what_holds_from_then_on(state):
    assert lines(state) == ()
    opened, changed = install(state, bundle(exploited=KEV), "b.json", KEY)
    assert changed
    assert set(opened.manifest.sections) == {*BUNDLED, "exploited"}
    assert lines(state) == ("1.0",)
    assert len(load_knowledge(state).exploited) == 1
    assert install(state, bundle(exploited=KEV), "b.json", KEY)[1] is False, "the same again changes nothing"
    assert remove(state)
    assert lines(state) == ()
    assert not remove(state)


def test_an_older_bundle_with_a_good_signature_is_refused(state):
    install(state, bundle("2026-11-24T10:00:00Z", "2.0"), "new.json", KEY)
    with pytest.raises(Refused) as caught:
        install(state, bundle("2026-11-23T10:00:00Z", "1.0"), "old.json", KEY)
    assert caught.value.code == "knowledge-older"
    assert lines(state) == ("2.0",), "the newer facts must still be there"
    install(state, bundle("2026-11-25T10:00:00Z", "3.0"), "newer.json", KEY)
    assert lines(state) == ("3.0",)


def test_another_key_is_refused_and_named(state):
    with pytest.raises(Refused) as caught:
        install(state, bundle(), "b.json", OTHER)
    assert caught.value.code == "knowledge-signature"
    assert KEY.id in str(caught.value)
    assert OTHER.id in str(caught.value)
    assert find_installed(state) is None


def test_a_bundle_without_a_signature_is_refused(state):
    file = json.loads(bundle())
    del file["signature"]
    with pytest.raises(Refused) as caught:
        install(state, json.dumps(file).encode(), "b.json", KEY)
    assert caught.value.code == "knowledge-unsigned"


def edited(change) -> bytes:
    file = json.loads(bundle(exploited=KEV))
    change(file)
    return json.dumps(file).encode()


def resign(file: dict) -> None:
    """As its publisher would sign whatever the manifest now says."""
    data = f"{file['format']}\n{file['manifest']}".encode()
    file["signature"] = {
        "keyId": KEY.id,
        "value": base64.b64encode(PRIVATE.sign(data)).decode(),
    }


def other_format(file: dict) -> None:
    file["format"] = "shipkeeper-knowledge/2"


def unknown_section(file: dict) -> None:
    manifest = json.loads(file["manifest"])
    manifest["sections"]["weather"] = manifest["sections"]["support"]
    file["sections"]["weather"] = file["sections"]["support"]
    file["manifest"] = json.dumps(manifest)
    resign(file)


def lost_section(file: dict) -> None:
    del file["sections"]["quirks"]


def no_zone(file: dict) -> None:
    file["manifest"] = file["manifest"].replace("10:00:00Z", "10:00:00")
    resign(file)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (other_format, "shipkeeper-knowledge/2"),
        (unknown_section, "weather"),
        (lost_section, "quirks"),
        (no_zone, "no time with a zone"),
        (lambda file: file["sections"].update(support="{}"), "not the one that its manifest describes"),
        (lambda file: file.update(extra=1), "extra"),
    ],
)
def test_what_is_no_such_bundle_is_refused_and_leaves_everything(state, change, told):
    install(state, bundle("2026-01-01T00:00:00Z"), "b.json", KEY)
    before = installed_path(state).read_bytes()
    with pytest.raises(BadInput) as caught:
        install(state, edited(change), "b.json", KEY)
    assert told in str(caught.value)
    assert installed_path(state).read_bytes() == before
    assert [path.name for path in state.folder.iterdir()] == ["knowledge.json"], "something half-installed lies about"


def test_a_section_that_is_signed_and_cannot_be_read_is_refused(state):
    with pytest.raises(BadInput) as caught:
        make_bundle(bundled(), {"support": b'{"format": 9}'}, "2026-11-24T10:00:00Z", "", Ed25519Signer(PRIVATE))
    assert "support" in str(caught.value)


@given(st.data())
def test_no_edit_of_a_bundle_is_installed(tmp_path_factory, data):
    """Any byte changed, cut or added: refused, or the very same facts (white space)."""
    whole = bundle(line="1.0")
    at = data.draw(st.integers(0, len(whole) - 1))
    kind = data.draw(st.sampled_from(["change", "cut", "insert"]))
    byte = bytes([data.draw(st.integers(0, 255))])
    bad = {"change": whole[:at] + byte + whole[at + 1 :], "cut": whole[:at], "insert": whole[:at] + byte + whole[at:]}[
        kind
    ]
    here = State.open(tmp_path_factory.mktemp("state"))
    try:
        opened, _ = install(here, bad, "b.json", KEY)
    except ShipkeeperError:
        assert find_installed(here) is None
    else:
        assert opened.sections == open_bundle(whole, "b.json").sections


def test_a_damaged_installed_file_says_the_way_out_and_can_be_replaced(state):
    install(state, bundle(), "b.json", KEY)
    path = installed_path(state)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(BadInput) as caught:
        load_knowledge(state)
    assert "knowledge remove" in caught.value.hint
    install(state, bundle(line="2.0"), "b.json", KEY)
    assert lines(state) == ("2.0",)


def test_what_ships_is_used_where_it_is_newer_than_an_old_update(state):
    install(state, bundle(support=support("2020-01-01", "0.1")), "b.json", KEY)
    assert lines(state) == ()
    assert load_knowledge(state).support.cycles("kubernetes")


def test_packing_is_reproducible():
    assert bundle() == bundle(), "the same facts, time and key: the same bytes, so that mirrors can be compared"


def test_a_key_is_needed_and_can_be_pinned(tmp_path):
    config = tmp_path / "config"
    with pytest.raises(UsageProblem) as caught:
        trusted_key(None, config)
    assert caught.value.code == "no-knowledge-key"
    path = tmp_path / "pub.pem"
    path.write_bytes(public_pem(KEY.public))
    pin(trusted_key(str(path), config), config)
    assert trusted_key(None, config).id == KEY.id
    pin(trusted_key(str(path), config), config)  # the same again is no change
    with pytest.raises(UsageProblem) as caught:
        pin(OTHER, config)
    assert caught.value.code == "knowledge-key-pinned"
    assert trusted_key(None, config).id == KEY.id


OWN = """\
source: our subscription
retrieved: 2026-11-20
products:
  - id: shop
    name: Shop
    level: platform stack
    scheme: semver
    images: [acme/shop]
support:
  - product: keycloak
    lines:
      - {line: "26.4", released: 2025-11-01, eol: 2027-11-30}
quirks:
  - {id: shop-3, product: shop, kind: step, what: needs a migration, crosses: ["3"]}
"""


def test_the_platform_files_own_facts_and_catalogue_are_read(state, tmp_path):
    (tmp_path / "own.yaml").write_text(OWN)
    (tmp_path / "kev.json").write_bytes(KEV)
    known = load_knowledge(state, Sources(knowledge="own.yaml", exploited="kev.json"), tmp_path)
    assert known.support.cycles("keycloak")[3].eol == "2027-11-30"
    assert known.products.get("shop") is not None
    assert len(known.exploited) == 1
    assert load_knowledge(state, Sources(), tmp_path) is bundled()


def test_every_mistake_in_own_facts_is_told_with_its_line(tmp_path):
    path = tmp_path / "own.yaml"
    text = OWN.replace("retrieved:", "retreived:").replace("kind: step", "kind: maybe")
    text = text.replace("eol: 2027", "eof: 2027")
    path.write_text(text)
    with pytest.raises(Problems) as caught:
        read_own(path)
    told = {(p.location.line if p.location else 0): str(p) for p in caught.value.problems}
    assert any("retreived" in text for text in told.values())
    assert any("eof" in text and "did you mean eol" in p.hint for p in caught.value.problems for text in [str(p)])
    assert any("know, refuse, step" in text for text in told.values())


def test_facts_that_read_well_and_mean_nothing_are_told_too(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace("eol: 2027-11-30", "eol: soon").replace("    level: platform stack\n", ""))
    with pytest.raises(Problems) as caught:
        read_own(path)
    text = " ".join(str(p) for p in caught.value.problems)
    assert "'soon'" in text
    assert "no level" in text
    path.write_text("")
    with pytest.raises(BadInput, match="empty"):
        read_own(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_own(tmp_path / "absent.yaml")


def test_knowledge_without_files_costs_nothing(state):
    assert load_knowledge(state) is bundled()
    assert isinstance(bundled(), Knowledge)
