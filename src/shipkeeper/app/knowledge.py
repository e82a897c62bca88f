"""The facts that hold here: what ships, what was installed, what the user knows better; and how they get here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec
import platformdirs
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shipkeeper.app.platform_file import find_platform
from shipkeeper.app.platform_yaml import Reading, compose
from shipkeeper.app.state import State, write_atomically
from shipkeeper.journal.keys import Ed25519Signer, holds, key_id, public_pem, read_public
from shipkeeper.knowledge.bundle import (
    LARGEST,
    Bundle,
    check_newer,
    check_signature,
    open_bundle,
    pack,
    signed_bytes,
    write_bundle,
)
from shipkeeper.knowledge.exploited import KnownExploited, read_catalogue
from shipkeeper.knowledge.library import BUNDLED, EXPLOITED, Knowledge, bundled, worth_using
from shipkeeper.knowledge.own import OwnFacts
from shipkeeper.model.errors import BadInput, Location, Problems, UsageProblem
from shipkeeper.model.platform import Platform, Sources

INSTALLED = "knowledge.json"
PINNED = "knowledge-key.pem"
LARGEST_OWN = 1 << 20


@dataclass(frozen=True)
class TrustedKey:
    """The public key that bundles are checked by, and the file it is from."""

    path: Path
    public: Ed25519PublicKey

    @property
    def id(self) -> str:
        """First 16 hex digits of the key's SHA-256."""
        return key_id(self.public)

    def signed(self, signature: bytes, data: bytes) -> bool:
        """Whether the signature over the data is this key's."""
        return holds(self.public, signature, data)


def config_folder() -> Path:
    """The user's settings folder: ``$SHIPKEEPER_CONFIG``, else the platform's usual one."""
    return Path(os.environ.get("SHIPKEEPER_CONFIG") or platformdirs.user_config_dir("shipkeeper")).expanduser()


def load_knowledge(state: State, sources: Sources | None = None, folder: Path | None = None) -> Knowledge:
    """Everything known here. ``sources``: the platform file's; its paths are relative to ``folder``.

    Raises BadInput for an installed file that is damaged, and Problems for a file of the user's with mistakes.
    """
    installed = find_installed(state)
    own, own_from, exploited = None, "", None
    if sources is not None and sources.knowledge:
        own_from = str(_beside(folder, sources.knowledge))
        own = read_own(Path(own_from))
    if sources is not None and sources.exploited:
        exploited = read_exploited(_beside(folder, sources.exploited))
    if installed is None and own is None and exploited is None:
        return bundled()
    sections = worth_using(installed.sections) if installed is not None else {}
    return Knowledge(sections, str(installed_path(state)), own, own_from, exploited)


def knowledge_of(state: State, platform: Platform, platform_path: str | None, cwd: Path) -> Knowledge:
    """Everything known here, with what the platform file names. Raises as ``load_knowledge``."""
    path = Path(platform_path) if platform_path else find_platform(cwd)
    return load_knowledge(state, platform.sources, path.parent if path else cwd)


def installed_path(state: State) -> Path:
    """Where an installed bundle lies. One file: it is there whole, or not."""
    return state.folder / INSTALLED


def find_installed(state: State) -> Bundle | None:
    """The installed bundle; None when there is none. Raises BadInput for one that is damaged."""
    path = installed_path(state)
    if not path.exists():
        return None
    try:
        return open_bundle(_read(path, LARGEST), str(path))
    except BadInput as error:
        error.hint = "install it again with: shipkeeper knowledge update; or go without: shipkeeper knowledge remove"
        raise


def install(state: State, data: bytes, name: str, key: TrustedKey) -> tuple[Bundle, bool]:
    """Check a bundle and install it, whole or not at all. The second value: whether anything changed.

    Raises BadInput for what is no such bundle, Refused for one whose signature does not hold or that is older.
    """
    bundle = verified(data, name, key)
    try:
        before = find_installed(state)
    except BadInput:
        before = None  # what is damaged is replaced: its age proves nothing
    if before is not None:
        check_newer(bundle, before)
        if before.digest == bundle.digest:
            return bundle, False
    write_atomically(installed_path(state), data)
    return bundle, True


def verified(data: bytes, name: str, key: TrustedKey) -> Bundle:
    """Open a bundle and check its signature. Raises as ``install``."""
    bundle = open_bundle(data, name)
    check_signature(bundle, key.id, key.signed)
    return bundle


def remove(state: State) -> bool:
    """Go back to what ships. Whether there was anything to remove."""
    path = installed_path(state)
    was_there = path.exists()
    path.unlink(missing_ok=True)
    return was_there


def trusted_key(given: str | None, config: Path) -> TrustedKey:
    """The public key given, else the pinned one. Raises UsageProblem when there is neither."""
    path = Path(given) if given else config / PINNED
    if not given and not path.exists():
        raise UsageProblem(
            "there is no key to check the signature by",
            code="no-knowledge-key",
            object=str(path),
            why="facts decide what is called due and which version is safe: not everybody may change them",
            hint=f"give the publisher's public key with --key FILE; --pin keeps it as {path}",
        )
    return TrustedKey(path, read_public(path))


def pin(key: TrustedKey, config: Path) -> Path:
    """Keep a public key for later updates. Raises UsageProblem when another one is pinned."""
    path = config / PINNED
    if path.exists() and key_id(read_public(path)) != key.id:
        raise UsageProblem(
            f"another key is pinned: {path}",
            code="knowledge-key-pinned",
            object=str(path),
            why="a change of the publisher's key is a person's decision",
            hint="remove that file first if the publisher really has a new key",
        )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(path, public_pem(key.public), 0o644)
    return path


def make_bundle(
    known: Knowledge, given: Mapping[str, bytes], issued: str, title: str, signer: Ed25519Signer, name: str = "bundle"
) -> tuple[bytes, Bundle]:
    """A signed bundle of the sections that hold here, each replaced by the one given. Raises BadInput for a bad one."""
    sections = {name: known.section(name)[0] for name in BUNDLED}
    if known.is_installed(EXPLOITED):
        sections[EXPLOITED] = known.section(EXPLOITED)[0]
    sections.update(given)
    text = pack(sections, issued, title)
    data = write_bundle(text, sections, signer.key_id, signer.sign(signed_bytes(text)))
    return data, open_bundle(data, name)


def read_own(path: Path) -> OwnFacts:
    """Read the user's own facts (YAML). Raises BadInput, or Problems with every mistake and its place."""
    root = compose(_read(path, LARGEST_OWN), str(path))
    reading = Reading(str(path), {}, "the file of own facts")
    if root is None:
        raise BadInput("the file of own facts is empty", location=Location(str(path)))
    plain = reading.read(root, msgspec.inspect.type_info(OwnFacts), ())
    if not reading.problems:
        facts = msgspec.convert(plain, OwnFacts)
        _check_own(facts, reading)
    if reading.problems:
        ordered = sorted(reading.problems, key=lambda p: p.location or Location(""))
        raise Problems(f"{path} cannot be used as it is", tuple(ordered))
    return facts


def read_exploited(path: Path) -> KnownExploited:
    """Read a catalogue of exploited vulnerabilities. Raises BadInput."""
    return read_catalogue(_read(path, LARGEST), str(path))


def read_bundle(path: Path) -> bytes:
    """A bundle's bytes. Raises BadInput when the file cannot be read."""
    return _read(path, LARGEST)


def _check_own(facts: OwnFacts, reading: Reading) -> None:
    """What only the facts together show: each section is tried as it would be used."""
    if facts.format != 1:
        reading.add("format must be 1", reading.at(("format",)))
    try:
        date.fromisoformat(facts.retrieved)
    except ValueError:
        told = f"retrieved is {facts.retrieved!r}, which is no date"
        reading.add(told, reading.at(("retrieved",)), hint="write it like 2026-11-30")
        return
    for section in ("products", "support", "quirks", "removals"):
        try:
            getattr(Knowledge(own=facts, own_from=reading.file), section)
        except BadInput as error:
            reading.add(error.message, reading.at((section,)), hint=error.hint)


def _beside(folder: Path | None, name: str) -> Path:
    path = Path(name).expanduser()
    return path if path.is_absolute() or folder is None else folder / path


def _read(path: Path, largest: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(largest + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", object=str(path)) from error
    if len(data) > largest:
        raise BadInput(f"{path} is larger than {largest >> 20} MiB", object=str(path), location=Location(str(path)))
    return data
