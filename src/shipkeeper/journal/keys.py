"""The signing key: Ed25519 in a file that only its owner can read, made on first use."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shipkeeper.model.errors import BadInput, Failed, UsageProblem

_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class Ed25519Signer:
    """Implements ``ports.journal.Signer``. ``key_id`` is the first 16 hex digits of the public key's SHA-256."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.key_id = key_id(key.public_key())

    def sign(self, data: bytes) -> bytes:
        """Ed25519 signature (64 bytes) of the data."""
        return self._key.sign(data)

    def public_pem(self) -> bytes:
        """The public key, to hand to whoever verifies: PEM, SubjectPublicKeyInfo."""
        return public_pem(self._key.public_key())


def key_id(key: Ed25519PublicKey) -> str:
    """First 16 hex digits of SHA-256 over the raw public key."""
    return hashlib.sha256(key.public_bytes(*_RAW)).hexdigest()[:16]


def public_pem(key: Ed25519PublicKey) -> bytes:
    """A public key as PEM."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def load_or_make(path: Path) -> Ed25519Signer:
    """The signer whose private key lies at ``path``; a new key is made there when there is none.

    Raises Failed when the file cannot be read or written, UsageProblem when others can read it or it is no such key.
    """
    try:
        return load(path) if path.exists() else _make(path)
    except OSError as error:
        raise Failed(
            f"the signing key {path} cannot be used: {error.strerror}",
            code="key-unusable",
            object=str(path),
            why="without it nobody can tell later whether the record was rewritten as a whole",
            hint="check the folder's owner and rights, or name another with --state DIR",
        ) from error


def load(path: Path) -> Ed25519Signer:
    """The signer of an existing key file. Raises UsageProblem when others can read it or it is no such key."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise UsageProblem(
            f"the signing key {path} can be read by others (mode {mode:04o})",
            code="key-exposed",
            object=str(path),
            why="whoever has it can sign a forged record",
            hint=f"chmod 600 {path}; if somebody may have read it, move it away and a new one is made",
        )
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "private")
    return Ed25519Signer(key)


def read_public(path: Path) -> Ed25519PublicKey:
    """Read a public key (PEM). Raises BadInput when it is not an Ed25519 public key."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", object=str(path)) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "public") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public")
    return key


def holds(key: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    """Whether the signature over the data is that key's."""
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _make(path: Path) -> Ed25519Signer:
    key = Ed25519PrivateKey.generate()
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)  # unlike a rename, this never replaces a key that another process just made
    except FileExistsError:
        return load(path)
    finally:
        partial.unlink()
    return Ed25519Signer(key)


def _no_key(path: Path, which: str) -> BadInput:
    return BadInput(
        f"{path} is not an Ed25519 {which} key (PEM, without a password)",
        object=str(path),
        hint="the public key is written by: shipkeeper evidence key --out pub.pem"
        if which == "public"
        else "move the file away and a new key is made",
    )
