"""``shipkeeper config``."""

from __future__ import annotations

import json

from click.testing import CliRunner

from shipkeeper.cli.main import main


def run(*args: str):
    return CliRunner().invoke(main, ["config", *args], prog_name="shipkeeper")


def test_every_mistake_reaches_the_reader(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shipkeeper.yaml").write_text("zone: Nowhere\nnamee: x\n")
    result = run("check")
    assert result.exit_code == 2
    assert "shipkeeper.yaml:1:7" in result.stderr
    assert "shipkeeper.yaml:2:1" in result.stderr
    assert "did you mean name?" in result.stderr


def test_a_good_file_and_none_at_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    none = run("check")
    assert none.exit_code == 0
    assert "looked for shipkeeper.yaml" in none.stderr
    (tmp_path / "shipkeeper.yaml").write_text("name: x\n")
    assert "in order" in run("check").stdout
    assert json.loads(run("show", "-o", "json").stdout)["name"] == "x"
    assert "zone: UTC" in run("show").stdout


def test_the_schema_is_printed():
    assert json.loads(run("schema").stdout)["title"].startswith("Shipkeeper platform file")
