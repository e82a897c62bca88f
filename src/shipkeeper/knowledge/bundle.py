"""A bundle of facts in one file: sections, a manifest with their digests, and a signature over the manifest.

The manifest is kept as the very text that was signed, so that nothing depends on how JSON is written. A bundle is
either whole and as its manifest says, or it is not opened.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from shipkeeper.knowledge.documents import decode, wrong
from shipkeeper.knowledge.exploited import read_catalogue
from shipkeeper.knowledge.library import EXPLOITED, SECTIONS, issued_on
from shipkeeper.knowledge.products import read_products
from shipkeeper.knowledge.quirks import read_quirks
from shipkeeper.knowledge.removals import read_removals
from shipkeeper.knowledge.support import read_support
from shipkeeper.model.errors import Refused

FORMAT = "shipkeeper-knowledge/1"
LARGEST = 32 << 20
"""Bytes of a bundle that are read at most."""

_READERS: dict[str, Callable[[bytes, str], object]] = {
    "products": read_products,
    "support": read_support,
    "removals": read_removals,
    "quirks": read_quirks,
    EXPLOITED: read_catalogue,
}


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """What the manifest says of a section. ``issued``: the day of its facts."""

    sha256: str
    bytes: int
    issued: str = ""


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed. ``issued`` (RFC 3339, UTC) orders bundles: an older one never replaces a newer one."""

    format: str
    issued: str
    sections: dict[str, Part]
    title: str = ""


class Signature(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Ed25519 over the format's name, a line feed, and the manifest's text. ``value``: base64."""

    key_id: str
    value: str


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    manifest: str
    sections: dict[str, str]
    signature: Signature | None = None


class Bundle(Struct, frozen=True, kw_only=True):
    """An opened bundle: every section is there, fits its digest, and can be read."""

    name: str
    manifest: Manifest
    manifest_text: str
    sections: Mapping[str, bytes]
    signature: Signature | None

    @property
    def issued(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.manifest.issued)

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest: two bundles of the same digest hold the same."""
        return hashlib.sha256(self.manifest_text.encode()).hexdigest()


def pack(sections: Mapping[str, bytes], issued: str, title: str = "") -> str:
    """The manifest of these sections, as the text to sign. ``issued``: RFC 3339, UTC."""
    parts = {
        name: Part(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), issued=issued_on(data))
        for name, data in sorted(sections.items())
    }
    manifest = Manifest(format=FORMAT, issued=issued, sections=parts, title=title)
    return msgspec.json.encode(manifest, order="deterministic").decode()


def signed_bytes(manifest_text: str) -> bytes:
    """What the signature is over. The format's name keeps it from being taken for a signature over anything else."""
    return f"{FORMAT}\n{manifest_text}".encode()


def write_bundle(manifest_text: str, sections: Mapping[str, bytes], key_id: str, signature: bytes) -> bytes:
    """The bundle's file."""
    file = _File(
        format=FORMAT,
        manifest=manifest_text,
        sections={name: data.decode() for name, data in sorted(sections.items())},
        signature=Signature(key_id, base64.b64encode(signature).decode()),
    )
    return msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"


def open_bundle(data: bytes, name: str) -> Bundle:
    """Read a bundle and hold every section against its manifest. Raises BadInput; the signature is another question."""
    if len(data) > LARGEST:
        raise wrong(name, f"it is larger than {LARGEST >> 20} MiB")
    file = decode(data, _File, name)
    if file.format != FORMAT:
        raise wrong(
            name,
            f"its format is {file.format!r}, and this version of Shipkeeper reads {FORMAT}",
            hint="ask for a bundle made for this version, or use a newer Shipkeeper",
        )
    manifest = decode(file.manifest.encode(), Manifest, f"{name} (manifest)")
    _check_manifest(manifest, file, name)
    sections = {section: text.encode() for section, text in file.sections.items()}
    for section, content in sections.items():
        part = manifest.sections[section]
        if len(content) != part.bytes or hashlib.sha256(content).hexdigest() != part.sha256:
            raise wrong(
                name, f"the section {section!r} is not the one that its manifest describes", hint="fetch it again"
            )
        _READERS[section](content, f"{name} ({section})")
    return Bundle(
        name=name, manifest=manifest, manifest_text=file.manifest, sections=sections, signature=file.signature
    )


def check_signature(bundle: Bundle, key_id: str, holds: Callable[[bytes, bytes], bool]) -> None:
    """Raise Refused unless that key signed the bundle. ``holds(signature, data)`` asks the key."""
    signature = bundle.signature
    why = "whoever can change these facts decides what is called due, and which version is safe"
    if signature is None:
        raise Refused(
            f"{bundle.name} carries no signature",
            code="knowledge-unsigned",
            object=bundle.name,
            why=why,
            hint="sign it with: shipkeeper knowledge pack",
        )
    try:
        value = base64.b64decode(signature.value, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if not holds(value, signed_bytes(bundle.manifest_text)):
        other = "" if signature.key_id == key_id else f": it says that key {signature.key_id} signed it, not {key_id}"
        raise Refused(
            f"the signature of {bundle.name} does not hold{other}",
            code="knowledge-signature",
            object=bundle.name,
            why=why,
            hint="get the bundle, or the public key, again from whoever makes it, by a way that you trust",
        )


def check_newer(bundle: Bundle, installed: Bundle) -> None:
    """Raise Refused when a bundle is older than the installed one."""
    if bundle.issued < installed.issued:
        raise Refused(
            f"{bundle.name} is of {bundle.manifest.issued}, older than what is installed ({installed.manifest.issued})",
            code="knowledge-older",
            object=bundle.name,
            why="an old bundle with a good signature would quietly bring back facts that are known to be wrong",
            hint="remove the installed one first if you mean it: shipkeeper knowledge remove",
        )


def _check_manifest(manifest: Manifest, file: _File, name: str) -> None:
    if manifest.format != file.format:
        raise wrong(name, f"the manifest is of format {manifest.format!r}, the file of {file.format!r}")
    if set(manifest.sections) != set(file.sections):
        odd = ", ".join(sorted(set(manifest.sections) ^ set(file.sections)))
        raise wrong(name, f"manifest and file differ in the sections {odd}", hint="fetch it again")
    if not file.sections:
        raise wrong(name, "it holds nothing")
    unknown = sorted(set(file.sections) - set(SECTIONS))
    if unknown:
        raise wrong(
            name, f"it holds {', '.join(unknown)}, which this version does not know", hint="use a newer Shipkeeper"
        )
    try:
        made = datetime.fromisoformat(manifest.issued)
    except ValueError:
        made = None
    if made is None or made.tzinfo is None:
        raise wrong(name, f"it was issued on {manifest.issued!r}, which is no time with a zone")
