"""Support dates are made from what endoflife.date publishes, in any of its layouts, and from the supplement."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from knowledge_lib import cycles, support  # noqa: E402
from knowledge_lib.endoflife import Line, numbers, read_product  # noqa: E402
from knowledge_lib.errors import GeneratorError  # noqa: E402

from shipkeeper.knowledge.library import bundled  # noqa: E402
from shipkeeper.knowledge.support import SupportDates, read_support  # noqa: E402

PAGE = """---
title: X
releases:
  - releaseCycle: "1.10"
    releaseDate: 2026-04-01
    eoas: 2026-12-01
    eol: false
    latest: "1.10.2"
    latestReleaseDate: 2026-06-01
  - releaseCycle: "1.9"
    releaseDate: 2025-10-01
    eol: 2026-10-01
    eoes: 2028-10-01
    latest: "1.9.9"
    latestReleaseDate: 2026-05-01
  - releaseCycle: "1.8"
    eol: true
---

> X does things
"""
WANTED = [
    Line("1.10", "2026-04-01", "2026-12-01", "", "1.10.2", "2026-06-01"),
    Line("1.9", "2025-10-01", "", "2026-10-01", "1.9.9", "2026-05-01", "2028-10-01"),
    Line("1.8", eol=True),
]


def v1(line: Line) -> dict[str, object]:
    return {
        "name": line.name,
        "releaseDate": line.released or None,
        "eoasFrom": line.eoas or None,
        "isEol": bool(line.eol),
        "eolFrom": line.eol if isinstance(line.eol, str) and line.eol else None,
        "eoesFrom": line.extended or None,
        "latest": {"name": line.latest, "date": line.latest_released} if line.latest else None,
    }


def v0(line: Line) -> dict[str, object]:
    return {
        "cycle": line.name,
        "releaseDate": line.released,
        "support": line.eoas or False,
        "eol": line.eol or False,
        "extendedSupport": line.extended or False,
        "latest": line.latest,
        "latestReleaseDate": line.latest_released,
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.md", PAGE),
        ("products/x.md", PAGE),
        ("api/v1/products/x.json", json.dumps({"result": {"releases": [v1(line) for line in WANTED]}})),
        ("x.json", json.dumps([v0(line) for line in WANTED])),
    ],
)
def test_every_layout_tells_the_same(tmp_path, name, text):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert read_product([tmp_path], "x") == WANTED


def test_release_data_brings_newer_releases_and_no_dates_of_its_own(tmp_path):
    (tmp_path / "x.md").write_text(PAGE)
    tags = {
        name: {"name": name, "date": day}
        for name, day in [
            ("1.11.1", "2026-09-20"), ("1.11.0", "2026-09-01"), ("1.10.12", "2026-08-01"), ("1.10.3", "2026-07-01"),
            ("1.7.0", "2024-01-01"), ("1.9.10-rc.1", "2026-09-02"),
        ]
    }  # fmt: skip
    (tmp_path / "x.json").write_text(json.dumps({"releases": {}, "versions": tags}))
    newest, ten, nine, _ = read_product([tmp_path], "x")
    assert newest == Line("1.11", "2026-09-01", latest="1.11.1", latest_released="2026-09-20")
    assert (ten.latest, ten.eoas) == ("1.10.12", "2026-12-01"), "1.10.12 is newer than 1.10.3"
    assert nine.latest == "1.9.9", "a candidate is no release"


def test_release_data_alone_counts_in_minors(tmp_path):
    versions = {name: {"name": name, "date": day} for name, day in [("2.0.1", "2026-02-02"), ("2.0.0", "2026-01-02")]}
    (tmp_path / "x.json").write_text(json.dumps({"releases": {}, "versions": versions}))
    assert read_product([tmp_path], "x") == [Line("2.0", "2026-01-02", latest="2.0.1", latest_released="2026-02-02")]


@pytest.mark.parametrize("text", ["{}", "[", "---\nnot closed"])
def test_another_layout_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(GeneratorError, match=r"x\.json"):
        read_product([tmp_path], "x")


def test_a_product_that_is_nowhere_stops_the_generator(tmp_path):
    with pytest.raises(GeneratorError, match="'x'"):
        read_product([tmp_path], "x")


def test_a_supplement_with_an_undescribed_source_is_refused(tmp_path):
    told = {"sources": {}, "endoflife": {}, "products": {"y": {"cycles": [["1"]]}}}
    with pytest.raises(GeneratorError, match="'y'"):
        support.build([tmp_path], "2026-08-22", "2026-11-24", told)


def test_the_shipped_file_has_every_row_of_the_supplement():
    """Whoever edits the supplement and forgets to run the generator would ship the old facts."""
    shipped = read_support((ROOT / "src/shipkeeper/knowledge/data/support.json").read_bytes(), "support.json")
    rows = {row.id: row for row in shipped.products}
    said = support.read_supplement()
    for id, row in {**said["endoflife"], **said["products"]}.items():
        have = {cycle.name: cycle for cycle in rows[id].cycles}
        for cycle in (row or {}).get("cycles", ()):
            assert have[cycle[0]].released == cycle[1], f"{id} {cycle[0]}: run scripts/knowledge support again"
        policy = (row or {}).get("policy")
        assert (rows[id].policy.text if rows[id].policy else None) == (policy["text"] if policy else None)
        assert rows[id].retired == (row or {}).get("retired", "")


DATA = Path(os.environ.get("SHIPKEEPER_TEST_DATA", "/nonexistent"))


@pytest.mark.skipif(not DATA.is_dir(), reason="SHIPKEEPER_TEST_DATA names no folder with real data")
@pytest.mark.parametrize("path", sorted((DATA / "endoflife").glob("*.json")), ids=lambda path: path.stem)
def test_real_release_data_is_read(path):
    found = read_product([path.parent], path.stem)
    newest = max((line.latest for line in found), key=numbers, default="")
    shipped = bundled().support
    if newest and shipped.row(path.stem):
        known = shipped.of(path.stem, newest, date(2026, 11, 24))
        assert numbers(known.latest) >= numbers(newest), f"{path.stem} {newest} is released; what ships is older"


def test_rows_come_from_a_checkouts_tags(tmp_path):
    def git(*words: str, day: str = "2026-01-01") -> None:
        when = f"{day}T12:00:00Z"
        env = {**os.environ, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True, env=env)

    git("init", "-q")
    for tag, day in [
        ("v1.9.0", "2026-01-02"),
        ("v1.9.10", "2026-02-02"),
        ("v1.9.2", "2026-01-20"),
        ("v1.10.0", "2026-03-02"),
    ]:
        git("commit", "-q", "--allow-empty", "-m", tag, day=day)
        git("tag", tag, day=day)
    git("tag", "nightly")
    assert cycles.rows(tmp_path) == [
        '["1.10", "2026-03-02", "", "", "1.10.0", "2026-03-02"]',
        '["1.9", "2026-01-02", "", "", "1.9.10", "2026-02-02"]',
    ]


SUPPLEMENT = """
sources:
  y: {title: "Y: git tags", url: "https://example.org/y", retrieved: "2026-11-01", shelfDays: 180}
endoflife:
  x:
    policy: {newest: 2, text: the newest two}
    source: y
    cycles:
      - ["1.11", "2026-09-01", "", "", "1.11.0", "2026-09-01"]
      - ["1.10", "2026-04-01", "", "", "1.10.9", "2026-10-01"]
products:
  y:
    policy: {text: nothing is promised}
    retired: "2027-01-01"
    cycles:
      - ["2", "2026-01-01"]
  z: {like: x, source: endoflife}
"""


def generate(tmp_path: Path, supplement: str = SUPPLEMENT) -> subprocess.CompletedProcess[str]:
    (tmp_path / "copy").mkdir(exist_ok=True)
    (tmp_path / "copy/x.md").write_text(PAGE)
    (tmp_path / "supplement.yaml").write_text(supplement)
    words = ["support", "--endoflife", "copy", "--retrieved", "2026-08-22", "--issued", "2026-11-24"]
    words += ["--supplement", "supplement.yaml", "--out", "made.json"]
    return subprocess.run(
        [sys.executable, ROOT / "scripts/knowledge", *words], cwd=tmp_path, capture_output=True, text=True
    )


def test_the_generator_joins_both_and_its_file_is_read(tmp_path):
    done = generate(tmp_path)
    assert done.returncode == 0, done.stderr
    file = read_support((tmp_path / "made.json").read_bytes(), "made.json")
    known = SupportDates(file.products, file.sources)
    assert [cycle.name for cycle in known.cycles("x")] == ["1.11", "1.10", "1.9", "1.8"]
    ten = known.of("x", "1.10.2", date(2026, 11, 24))
    assert (ten.latest, ten.eoas, ten.source) == ("1.10.9", "2026-12-01", "endoflife.date, retrieved 2026-08-22")
    assert "endoflife.date contributors" in file.sources["endoflife"].licence, "MIT asks for the attribution"
    assert known.of("x", "1.11.0", date(2026, 11, 24)).source == "Y: git tags, retrieved 2026-11-01"
    assert known.of("z", "1.9.1", date(2026, 11, 24)).state == "ended"
    assert known.of("y", "2.1", date(2026, 11, 24)).eol == "2027-01-01"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"2026-09-01", "", "", "1.11.0"', '"soon", "", "", "1.11.0"', "'soon'"),
        ("  x:\n    policy", "  absent:\n    policy", "'absent'"),
        ("like: x", "like: nobody", "'nobody'"),
        ("products:", "product:", "expected"),
    ],
)
def test_the_generator_writes_nothing_that_could_not_be_read(tmp_path, old, new, told):
    done = generate(tmp_path, SUPPLEMENT.replace(old, new))
    assert done.returncode == 1
    assert told in done.stderr
    assert not (tmp_path / "made.json").exists()
