"""What the page on knowledge shows can be done, and what it lists is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import msgspec
import pytest
import yaml
from click.testing import CliRunner

from shipkeeper.app.knowledge import read_own
from shipkeeper.cli.main import main
from shipkeeper.knowledge.library import SECTIONS, Knowledge
from shipkeeper.knowledge.own import OwnFacts, OwnLine, OwnQuirk, OwnRemoval, OwnSupport
from shipkeeper.knowledge.products import Product

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/concepts/knowledge.md").read_text()


def test_the_example_of_own_facts_is_read_and_used(tmp_path):
    _, own = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "own-facts.yaml"
    path.write_text(own)
    known = Knowledge(own=read_own(path), own_from=str(path))
    image = known.identify_image("registry.example.org/platform/sso:26.4.1")
    assert image is not None
    assert image.product == "keycloak"
    assert [hit.id for hit in known.quirks_for("shop-operator", "2.1.0", "3.0.0")] == ["shop-3"]
    assert known.removals.find("acme.example.org/v1beta1", "Shop") is not None


def test_every_key_of_own_facts_is_documented():
    table = PAGE.partition("| key | means |")[2].partition("\n\n")[0]
    said = set(re.findall(r"`([a-z_]+)(?:\[\])?`", table))
    meant = {
        field.name
        for kind in (OwnFacts, OwnSupport, OwnLine, OwnQuirk, OwnRemoval, Product)
        for field in msgspec.structs.fields(kind)
    }
    assert meant - said == {"format"}, "keys that nobody can know of"
    assert said - meant - {"refuse", "step", "know"} == {"source"} - meant


def test_every_section_is_documented():
    table = PAGE.partition("| section | what | from |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == SECTIONS


@pytest.mark.parametrize("line", re.findall(r"^\$ (shipkeeper .*)$", PAGE, re.MULTILINE))
def test_the_commands_of_the_page_run(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHIPKEEPER_STATE", str(tmp_path / "state"))
    done = CliRunner().invoke(main, shlex.split(line)[1:])
    assert done.exit_code == 0, done.output


def test_the_platform_files_example_is_a_platform_file(tmp_path):
    first, _ = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert set(yaml.safe_load(first)["sources"]) == {"knowledge", "exploited"}
