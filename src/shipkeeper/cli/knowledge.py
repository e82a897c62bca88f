"""``shipkeeper knowledge``: look at the facts that decisions rest on, bring newer ones in, and hand them on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.clock import now_ms
from shipkeeper.app.knowledge import (
    config_folder,
    install,
    knowledge_of,
    load_knowledge,
    make_bundle,
    pin,
    read_bundle,
    remove,
    trusted_key,
    verified,
)
from shipkeeper.app.knowledge_registry import fetch, publish
from shipkeeper.app.knowledge_view import overview, product_view
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.state import State, write_atomically
from shipkeeper.cli.knowledge_screen import (
    bundle_markdown,
    draw_overview,
    draw_product,
    overview_markdown,
    product_markdown,
    say_bundle,
)
from shipkeeper.cli.options import output_option, platform_option, state_option
from shipkeeper.cli.output import emit, hint
from shipkeeper.journal.keys import load, load_or_make
from shipkeeper.knowledge.bundle import Bundle
from shipkeeper.knowledge.library import SECTIONS, Knowledge
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.time import iso, moment, parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from typing import Any

    from rich.console import Console

OCI = "oci://"


@click.group("knowledge")
def command() -> None:
    """Look at the facts that decisions rest on, bring newer ones in, and hand them on."""


def registry_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """How a registry is spoken to."""
    for option in (
        click.option("--plain-http", is_flag=True, help="Speak HTTP to a registry on this machine."),
        click.option("--ca", metavar="FILE", help="Certificate authority of the registry (PEM)."),
        click.option("--password-from", default="", metavar="REF", help="Its password: env:NAME or file:PATH."),
        click.option("--username", default="", metavar="NAME", help="Account at the registry."),
    ):
        function = option(function)
    return function


@command.command("show")
@click.argument("product", default="")
@click.option("--version", default="", metavar="VERSION", help="What is known of this version.")
@click.option("--to", "target", default="", metavar="VERSION", help="And of the way to that one.")
@click.option("--at", metavar="TIME", help="Answer as of this time (RFC 3339) instead of now.")
@platform_option
@state_option
@output_option()
def show(
    product: str, version: str, target: str, at: str | None, platform: str | None, state: str | None, output: str
) -> None:
    """Show what is known, where it is from and how old it is; with a PRODUCT, everything about that one."""
    if (version or target) and not product:
        raise UsageProblem("--version and --to are about a product", hint="name it: shipkeeper knowledge show PRODUCT")
    kept = State.open(state)
    known = _known(kept, platform)
    day = _day(at)
    if product:
        about = product_view(known, product, day, version, target)
        emit(
            "KnowledgeProduct",
            about,
            output,
            lambda console: draw_product(console, about, day),
            lambda: product_markdown(about, day),
        )
        return
    view = overview(known, kept, day)
    emit("Knowledge", view, output, lambda console: draw_overview(console, view), lambda: overview_markdown(view))


@command.command("update")
@click.argument("source", metavar="FILE|oci://…")
@click.option("--key", metavar="PEM", help="The publisher's public key; else the pinned one.")
@click.option("--pin", "pinned", is_flag=True, help="Keep that key for later updates.")
@registry_options
@state_option
@output_option()
def update(
    source: str,
    key: str | None,
    pinned: bool,
    username: str,
    password_from: str,
    ca: str | None,
    plain_http: bool,
    state: str | None,
    output: str,
) -> None:
    """Install a bundle of newer facts, after checking its signature; whole, or not at all."""
    if pinned and not key:
        raise UsageProblem("--pin keeps the key that --key names", hint="add --key FILE")
    trusted = trusted_key(key, config_folder())
    data, digest = _bytes(source, username, password_from, ca, plain_http)
    kept = State.open(state)
    bundle, changed = install(kept, data, source, trusted)
    if pinned:
        hint(f"key {trusted.id} is pinned: {pin(trusted, config_folder())}")
    words = "installed" if changed else "installed already, nothing changed"
    _tell(bundle, output, words, trusted.id, digest)


@command.command("verify")
@click.argument("source", metavar="[FILE|oci://…]", default="")
@click.option("--key", metavar="PEM", help="The publisher's public key; else the pinned one.")
@registry_options
@state_option
@output_option()
def verify(
    source: str,
    key: str | None,
    username: str,
    password_from: str,
    ca: str | None,
    plain_http: bool,
    state: str | None,
    output: str,
) -> None:
    """Check a bundle's digests and signature without installing it; without a name, the installed one."""
    trusted = trusted_key(key, config_folder())
    digest = ""
    if source:
        data, digest = _bytes(source, username, password_from, ca, plain_http)
    else:
        from shipkeeper.app.knowledge import installed_path

        path = installed_path(State.open(state))
        if not path.exists():
            raise UsageProblem(
                "no bundle is installed: what ships with Shipkeeper holds, and has no signature of its own",
                hint="name a bundle to verify: shipkeeper knowledge verify FILE",
            )
        source, data = str(path), read_bundle(path)
    _tell(verified(data, source, trusted), output, "holds", trusted.id, digest)


@command.command("pack")
@click.option("--out", required=True, metavar="FILE", help="The bundle to write.")
@click.option("--key", metavar="FILE", help="Private key to sign with (Ed25519, PEM); else this state's own.")
@click.option(
    "--section", "given", multiple=True, metavar="NAME=FILE", help=f"Take from a file: {', '.join(SECTIONS)}."
)
@click.option("--title", default="", metavar="TEXT", help="What people call it.")
@click.option("--at", metavar="TIME", help="When it is made (RFC 3339), instead of now.")
@state_option
@output_option()
def pack(
    out: str, key: str | None, given: tuple[str, ...], title: str, at: str | None, state: str | None, output: str
) -> None:
    """Write a signed bundle of the facts that hold here, to be carried to where there is no network."""
    kept = State.open(state)
    signer = load(Path(key)) if key else load_or_make(kept.key_path)
    issued = iso(parse_instant(at) if at else now_ms(), "UTC")
    data, bundle = make_bundle(load_knowledge(kept), _given(given), issued, title, signer, out)
    write_atomically(Path(out), data, 0o644)
    where = "--key is its private half" if key else "shipkeeper evidence key --out pub.pem"
    hint(f"whoever takes it needs the public key {signer.key_id} ({where})")
    _tell(bundle, output, "written", signer.key_id, "")


@command.command("push")
@click.argument("bundle")
@click.argument("target", metavar="oci://…")
@click.option("--key", metavar="PEM", help="The publisher's public key; else the pinned one.")
@registry_options
@output_option()
def push(
    bundle: str,
    target: str,
    key: str | None,
    username: str,
    password_from: str,
    ca: str | None,
    plain_http: bool,
    output: str,
) -> None:
    """Publish a bundle in an OCI registry, after checking its signature."""
    trusted = trusted_key(key, config_folder())
    data = read_bundle(Path(bundle))
    checked = verified(data, bundle, trusted)
    digest = publish(target, data, checked, username, password_from, ca, plain_http)
    _tell(checked, output, f"published as {target}", trusted.id, digest)


@command.command("remove")
@state_option
@output_option()
def remove_installed(state: str | None, output: str) -> None:
    """Remove the installed bundle: what ships with Shipkeeper holds again."""
    gone = remove(State.open(state))
    words = "removed; what ships with Shipkeeper holds again" if gone else "nothing was installed"
    emit("KnowledgeRemoved", {"removed": gone}, output, lambda _: click.echo(words), lambda: words)


def _known(state: State, platform: str | None) -> Knowledge:
    said, _ = load_platform(platform, Path.cwd())
    return knowledge_of(state, said, platform, Path.cwd())


def _day(at: str | None) -> date:
    return moment(parse_instant(at) if at else now_ms(), "UTC").date()


def _bytes(source: str, username: str, password_from: str, ca: str | None, plain_http: bool) -> tuple[bytes, str]:
    """A bundle's bytes, and the digest of the manifest that named them in a registry."""
    if source.startswith(OCI):
        return fetch(source, username, password_from, ca, plain_http)
    return read_bundle(Path(source)), ""


def _given(pairs: tuple[str, ...]) -> dict[str, bytes]:
    found = {}
    for pair in pairs:
        name, _, path = pair.partition("=")
        if name not in SECTIONS or not path:
            raise UsageProblem(
                f"--section {pair} is not understood", hint=f"write NAME=FILE; names are {', '.join(SECTIONS)}"
            )
        found[name] = read_bundle(Path(path))
    return found


def _tell(bundle: Bundle, output: str, words: str, key: str, digest: str) -> None:
    payload = {
        "name": bundle.name,
        "result": words,
        "issued": bundle.manifest.issued,
        "title": bundle.manifest.title,
        "keyId": key,
        "sha256": bundle.digest,
        "artefactDigest": digest,
        "sections": [
            {"name": name, "issued": part.issued, "bytes": part.bytes, "sha256": part.sha256}
            for name, part in sorted(bundle.manifest.sections.items())
        ],
    }

    def table(console: Console) -> None:
        say_bundle(console, payload)

    emit("KnowledgeBundle", payload, output, table, lambda: bundle_markdown(payload))
