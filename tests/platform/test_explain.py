"""``config explain``: where a value comes from, and what it means."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import msgspec.inspect as shapes
import pytest
from click.testing import CliRunner

from shipkeeper.app.config_explain import explain
from shipkeeper.app.platform_file import parse, platform_schema
from shipkeeper.cli.main import main
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.platform import Platform

PAGE = (Path(__file__).resolve().parents[2] / "docs/reference/platform-file.md").read_text()
EXAMPLE = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]
PARSED = parse(EXAMPLE.encode(), "shipkeeper.yaml")


def line_of(words: str) -> int:
    return next(number for number, line in enumerate(EXAMPLE.splitlines(), 1) if words in line)


@pytest.mark.parametrize(
    ("key", "words", "value"),
    [
        ("notices.major", "major: 2 months", "2 months"),
        ("environments.production.clusters.prod.drain.reserve", "reserve: 30m", "30m"),
        ("environments[1].clusters[0].context", "context: prod-admin", "prod-admin"),
        ("people.on-call.escalateTo", "escalateTo: platform lead", "platform lead"),
    ],
)
def test_a_value_from_the_file_is_told_with_its_line(key: str, words: str, value: str) -> None:
    found = explain(PARSED, key)
    assert (found.source, found.value) == ("file", value)
    assert found.location.startswith(f"shipkeeper.yaml:{line_of(words)}:"), f"{key} is said to be elsewhere"
    assert found.meaning


def test_a_default_is_called_one() -> None:
    found = explain(PARSED, "environments.staging.skew")
    assert (found.source, found.location, found.value) == ("default", "", 5)
    assert "working days" in found.meaning


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("notice.major", "did you mean notices?"),
        ("environments.prodction", "did you mean production?"),
        ("name.x", "leave the last part out"),
        ("", "config explain notices.major"),
    ],
)
def test_a_key_that_there_is_not_names_the_nearest(key: str, hint: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        explain(PARSED, key)
    assert hint in caught.value.hint


def test_every_setting_that_has_words_in_the_code_has_them_in_the_schema() -> None:
    """Editors show them; the page of the platform file could not name all."""
    definitions = platform_schema()["$defs"]
    described = sum("description" in field for one in definitions.values() for field in one["properties"].values())
    assert described > 50, f"only {described} settings are described: the words beside the fields were not found"
    assert definitions["Environment"]["properties"]["skew"]["description"].startswith("How many working days")


def test_every_setting_can_be_explained() -> None:
    def keys(kind: shapes.Type, at: str) -> list[str]:
        if isinstance(kind, shapes.StructType):
            return [
                key for f in kind.fields for key in (f"{at}{f.encode_name}", *keys(f.type, f"{at}{f.encode_name}."))
            ]
        return []

    every = keys(msgspec.inspect.type_info(Platform), "")
    assert len(every) > 25
    for key in every:
        assert explain(PARSED, key).meaning, f"{key} means nothing to its reader"


def test_the_verb(tmp_path) -> None:
    (tmp_path / "p.yaml").write_text("name: payments\nnotices: {kubernetesMinor: 4 weeks}\n")
    words = ["config", "explain", "notices.kubernetesMinor", "--platform", str(tmp_path / "p.yaml")]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 0, told.output
    assert "notices.kubernetesMinor = 4 weeks" in told.stdout
    assert "p.yaml:2:28" in told.stdout
    envelope = json.loads(CliRunner().invoke(main, [*words, "-o", "json"]).stdout)
    assert (envelope["kind"], envelope["value"], envelope["source"]) == ("Setting", "4 weeks", "file")
