"""The platform file: every mistake at once, each with its place and what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.app.platform_file import load_platform, parse_platform, platform_schema, schema_text
from shipkeeper.model.errors import BadInput, Problems, UsageProblem
from shipkeeper.model.platform import Platform

DOCS = Path(__file__).parents[2] / "docs" / "reference"
WINDOW = "environments: [{name: a, clusters: [{name: c}], windows: [{name: w, duration: 1h, zone: UTC, "
EXAMPLE = re.search(r"```yaml\n(.*?)```", (DOCS / "platform-file.md").read_text(), re.DOTALL)[1]


def mistakes(text: str) -> list[tuple[int, int, str, str]]:
    """(line, column, message, hint) of every mistake."""
    with pytest.raises(Problems) as caught:
        parse_platform(text.encode(), "shipkeeper.yaml")
    return [(p.location.line, p.location.column, p.message, p.hint) for p in caught.value.problems]


def test_the_documented_example_is_read_as_it_stands():
    platform = parse_platform(EXAMPLE.encode(), "example")
    assert [env.name for env in platform.environments] == ["staging", "production"]
    assert platform.environments[1].windows[0].start == "22:00", "YAML made a number of a time of day"
    assert platform.schedule[0].needs_window == "yes"
    assert platform.reboot_drivers["ssh"].argv[3] == "{address}"


def test_every_mistake_is_told_at_once_with_its_place():
    found = mistakes(
        "apiVersion: shipkeeper/v1alpha1\n"
        "zone: Europe/Stokholm\n"
        "enviroments: []\n"
        "environments:\n"
        "  - name: production\n"
        "    clusters:\n"
        "      - name: prod\n"
        "        drain: {maxParallel: many, onBlocked: holt}\n"
        "    windows:\n"
        "      - {name: monthly, start: 22:00, duration: 7 hours, zone: UTC}\n"
        "rebootDrivers:\n"
        "  ssh:\n"
        '    argv: [ssh, "{adress}", reboot]\n'
        "    environment: {TOKEN: hunter2}\n"
    )
    places = [(line, column) for line, column, _, _ in found]
    assert places == [(2, 7), (3, 1), (8, 30), (8, 47), (10, 9), (10, 49), (13, 17), (14, 26)]
    told = {(line, column): (message, hint) for line, column, message, hint in found}
    assert told[3, 1][1] == "did you mean environments?"
    assert told[8, 47][1] == "did you mean hold?"
    assert "lacks 'rrule'" in told[10, 9][0]
    assert told[13, 17][1] == "did you mean {address}?"
    assert "hunter2" not in " ".join(m + h for _, _, m, h in found), "a secret in the file was repeated in the error"


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("name: a\nname: b\n", (2, 1), "given twice"),
        ("environments: [{name: a, clusters: [{name: c, name: d}]}]\n", (1, 47), "given twice"),
        ("done: {keycloak: 2026-09-02, keycloak: 2026-10-02}\n", (1, 30), "given twice"),
        ("- a\n- b\n", (1, 1), "must be settings"),
        ("name: [a]\n", (1, 7), "must be text, and is a list"),
        ("name:\n", (1, 6), "has no value"),
        ("environments: {name: x}\n", (1, 15), "must be a list"),
        ("environments:\n  - clusters: []\n", (2, 5), "lacks 'name'"),
        ("kind: Plattform\n", (1, 7), "not known here"),
        ("done: {keycloak: yesterday}\n", (1, 18), "not a date"),
        ("done: {keyclok: 2026-09-02}\n", (1, 17), "no task 'keyclok'"),
        ("schedule:\n  - {id: x, task: X, level: core, cadence: sometimes, needsWindow: None}\n", (2, 44), "cadence"),
        ("schedule:\n  - {id: x, task: X, level: kernel, cadence: daily, needsWindow: None}\n", (2, 29), "not known"),
        ("name: !secret x\n", (1, 7), "must be text"),
        ("<<: {name: x}\n", (1, 1), "plain word"),
        ("environments: [{name: a, clusters: [{name: c}, {name: c}]}]\n", (1, 55), "two clusters 'c'"),
        ("environments: [{name: a, clusters: [{name: c, drain: {rebootWith: shh}}]}]\n", (1, 67), "no reboot driver"),
        (WINDOW + "rrule: NEVER, start: 22:00}]}]\n", (1, len(WINDOW) + 8), "not an RRULE"),
        (WINDOW + "rrule: FREQ=MONTHLY;BYDAY=6MO, start: 22:00}]}]\n", (1, len(WINDOW) + 8), "never occurs"),
        ("country: XX\n", (1, 10), "there is no country 'XX'"),
        (WINDOW + "rrule: FREQ=DAILY, start: 9 pm}]}]\n", (1, len(WINDOW) + 27), "time of day"),
    ],
)  # fmt: skip
def test_one_mistake_and_its_place(text, place, told):
    line, column, message, hint = mistakes(text)[0]
    assert told in message
    assert (line, column) == place
    assert hint or "must be" in message, "the reader is not told what to do"


def test_a_key_given_twice_is_told_with_both_places_among_the_other_mistakes():
    found = mistakes("zone: Europe/Stokholm\nname: a\n'name': b\nkind: Plattform\n")
    assert [(line, column) for line, column, _, _ in found] == [(1, 7), (3, 1), (4, 7)]
    assert found[1][2:] == ("'name' is given twice", "first given at 2:1"), "which of the two is meant is a guess"


def test_every_mistake_of_every_window_is_told():
    window = "{name: W, duration: 15d, zone: UTC, rrule: NEVER, start: '25:00'}"
    both = ", ".join(window.replace("W", name) for name in ("one", "two"))
    found = mistakes(f"environments: [{{name: a, clusters: [{{name: c}}], windows: [{both}]}}]\n")
    told = ["longer than 14 days", "not an RRULE", "time of day"] * 2
    assert len(found) == len(told), "three mistakes in each of two windows"
    for expected, (_, _, message, _) in zip(told, found, strict=True):
        assert expected in message


def test_a_window_that_lacks_a_setting_still_has_its_others_looked_at():
    found = mistakes(
        "environments: [{name: a, clusters: [{name: c}], windows: [{name: w, rrule: NEVER, start: 9 pm}]}]\n"
    )
    assert any("not an RRULE" in message for _, _, message, _ in found)
    assert any("time of day" in message for _, _, message, _ in found), f"only told: {found}"


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ("ssh host reboot", "must be a list"),
        ("[ssh host reboot]", "one piece"),
        ("[]", "at least the program"),
        ('[sh, -c, "reboot {node}"]', "is not run"),
        ("[/bin/bash, -lc, reboot]", "is not run"),
        ('["{node}"]', "cannot come from the node"),
        ('[ssh, "{node}{zone}"]', "is not a mark"),
        ('[ssh, "{node"]', "is not a mark"),
        ('[ssh, "a\\nb"]', "line break"),
    ],
)
def test_argv_templates_are_plain_words(argv, told):
    assert told in mistakes(f"rebootDrivers:\n  own:\n    argv: {argv}\n")[0][2]


@pytest.mark.parametrize("value", ["hunter2", "env:", "env:NOT A NAME", "vault:x", "file:"])
def test_secrets_are_references_only(value):
    found = mistakes(f"rebootDrivers: {{x: {{argv: [y], environment: {{T: '{value}'}}}}}}\n")
    assert "reference to a secret" in found[0][2]


def test_what_stands_in_a_secret_s_place_is_never_repeated():
    for text in (
        "environment: hunter2",
        "environment: [hunter2]",
        "environment: {T: [hunter2]}",
        "environment: {T: 1}",
    ):
        found = mistakes(f"rebootDrivers: {{x: {{argv: [y], {text}}}}}\n")
        assert "hunter2" not in " ".join(message + hint for _, _, message, hint in found)


def test_what_is_not_yaml_has_its_place():
    with pytest.raises(BadInput) as caught:
        parse_platform(b"name: [unclosed\nzone: UTC\n", "p.yaml")
    assert caught.value.location.line == 2
    for hostile in (b"\xff\xfe\x00", b"a: b\n---\nc: d\n", b"name: *nowhere\n", b"name: \x07\n"):
        with pytest.raises(BadInput):
            parse_platform(hostile, "p.yaml")


def test_aliases_neither_explode_nor_circle():
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9))
    with pytest.raises(Problems):
        parse_platform(bomb.encode(), "p.yaml")
    unfolded = "scope:\n- &s {component: x, namespaces: &n [" + ",".join(["a"] * 500) + "]}\n" + "- *s\n" * 100
    with pytest.raises(Problems, match="too big"):
        parse_platform(unfolded.encode(), "p.yaml")
    assert any("refers to itself" in m[2] for m in mistakes("environments: &e\n- name: a\n  clusters: *e\n"))


KEYS = st.sampled_from(["name", "environments", "clusters", "drain", "zone", "rrule", "argv", "x"])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(DOCUMENTS)
def test_any_document_is_read_or_refused_with_a_place(document):
    text = yaml.safe_dump(document, allow_unicode=True)
    outcome = None
    try:
        platform = parse_platform(text.encode(), "p.yaml")
    except UsageProblem as error:
        outcome = error
    if outcome is None:
        assert isinstance(platform, Platform)
    else:
        assert outcome.location is not None, "a refusal that does not say where"


def test_the_file_is_looked_for_upwards(tmp_path):
    (tmp_path / "shipkeeper.yaml").write_text("name: found\n")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    platform, said = load_platform(None, deep)
    assert platform.name == "found"
    assert said, "what the file leaves open is not told"


def test_without_a_file_one_line_says_what_is_assumed(tmp_path):
    platform, said = load_platform(None, tmp_path)
    assert platform == Platform()
    assert len(said) == 1
    assert "UTC" in said[0]
    with pytest.raises(BadInput, match="cannot be read"):
        load_platform(tmp_path / "missing.yaml", tmp_path)


def test_the_published_schema_is_the_loader_s():
    assert (DOCS / "platform.schema.json").read_text() == schema_text(), "write it again: shipkeeper config schema"
    jsonschema.Draft202012Validator.check_schema(platform_schema())


def test_the_schema_and_the_loader_agree_on_the_example():
    validator = jsonschema.Draft202012Validator(json.loads(schema_text()))
    assert not list(validator.iter_errors(_plain(EXAMPLE)))
    assert list(validator.iter_errors({"enviroments": []})), "the schema lets unknown settings through"


def _plain(text: str):
    """YAML 1.2 reading, as editors do it: times of day and dates stay text."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        key: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith((":timestamp", ":int"))]
        for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))
    return yaml.load(text, Loader)
