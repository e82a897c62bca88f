"""The signing key: private, made once, and its signatures bind run, seq and hash."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from shipkeeper.journal.heads import head_bytes, sign_head, signature_of
from shipkeeper.journal.keys import holds, key_id, load_or_make, read_public
from shipkeeper.model.errors import BadInput, Failed, UsageProblem
from tests.journal.events import RUN


def test_a_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "signing.key"
    made = load_or_make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, "others could sign in our name"
    assert load_or_make(path).key_id == made.key_id, "a second start must not make a second key"
    assert list(path.parent.iterdir()) == [path], "nothing half-written is left behind"


def test_the_public_key_verifies_what_was_signed(tmp_path: Path) -> None:
    signer = load_or_make(tmp_path / "signing.key")
    (tmp_path / "pub.pem").write_bytes(signer.public_pem())
    public = read_public(tmp_path / "pub.pem")
    assert key_id(public) == signer.key_id
    event = sign_head(signer, RUN, 7, "ab" * 32)
    assert holds(public, signature_of(event), head_bytes(RUN, 7, "ab" * 32))
    for other in (head_bytes("run-x", 7, "ab" * 32), head_bytes(RUN, 8, "ab" * 32), head_bytes(RUN, 7, "cd" * 32)):
        assert not holds(public, signature_of(event), other), "a signature fits another run, seq or hash"
    stranger = load_or_make(tmp_path / "other.key")
    assert not holds(public, stranger.sign(b"x"), b"x")


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    load_or_make(path)
    path.chmod(0o644)
    with pytest.raises(UsageProblem) as caught:
        load_or_make(path)
    assert caught.value.code == "key-exposed"
    assert "chmod 600" in caught.value.hint


def test_files_that_are_no_keys_are_named(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    path.write_text("hello")
    path.chmod(0o600)
    with pytest.raises(BadInput, match="private key"):
        load_or_make(path)
    with pytest.raises(BadInput, match="public key"):
        read_public(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_public(tmp_path / "absent.pem")


def test_a_place_where_no_key_can_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Failed) as caught:
        load_or_make(tmp_path / "file" / "signing.key")
    assert caught.value.code == "key-unusable"
