"""Change logs: what they say between two versions, and what they leave unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.assessment.classing.changelog import read_for_class
from shipkeeper.model.version import parse_version

KEPT = """# Changelog

## [Unreleased]

## [2.1.0] - 2026-05-01
### Added
- A flag
### Removed
- The old endpoint
### Fixed
- A leak in the cache has been removed

## [2.0.0] - 2026-01-01

**BREAKING CHANGE**: tokens are no longer
accepted in the query.

### Security
- Mends CVE-2026-1234 and GHSA-xr7r-f8xq-vfvv

```
remove everything, BREAKING nothing
```

## [1.9.0] - 2025-01-01
- Deprecated: the v1 API
"""
WELKIN = """# v0.50.0

> [!IMPORTANT]
> **Platform Administrator Notice(s)**
> - Run the new migration script

> [!IMPORTANT]
> **Application Developer Notice(s)**
> - Ingress annotations are no longer passed on

> [!IMPORTANT]
> **Security Notice(s)**
> - This release mends CVE-2026-5678

## Changes by kind
### Other(s)
- Something else
"""


def read(text: str, after: str, upto: str):
    return read_for_class(text, "CHANGELOG.md", parse_version(after, "helm"), parse_version(upto, "helm"))


@pytest.mark.requirement("R-B6")
def test_only_the_sections_between_the_versions_count():
    found = read(KEPT, "1.9.0", "2.1.0")
    assert found.versions == ("2.1.0", "2.0.0")
    assert [(note.kind, note.version) for note in found.notes] == [
        ("removed", "2.1.0"), ("breaking", "2.0.0"), ("security", "2.0.0"),
    ]  # fmt: skip
    assert found.notes[0].line == 9
    assert found.vulnerabilities == ("CVE-2026-1234", "GHSA-XR7R-F8XQ-VFVV")
    assert found.gaps == ()
    assert [note.kind for note in read(KEPT, "2.0.0", "2.1.0").notes] == ["removed"]


def test_a_notice_says_whom_it_is_for():
    found = read(WELKIN, "0.49.0", "0.50.0")
    assert [note.kind for note in found.notes] == ["administrator-notice", "developer-notice", "security"]
    assert found.vulnerabilities == ("CVE-2026-5678",)


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("", "is empty"),
        ("a\0b", "is not text"),
        ("Just words, no versions.", "no headings with versions"),
        (KEPT.replace("2.1.0", "2.0.5"), "has no section for 2.1.0; it ends with 2.0.5"),
        ("# Changelog\n## 2.1.0\n\n## 2.0.0\n- x\n", "nothing below"),
    ],
)
def test_what_cannot_be_read_is_said(text, gap):
    found = read(text, "2.0.0", "2.1.0")
    assert any(gap in line for line in (*found.gaps, found.lacks)), "silence would pass for nothing to know"


def test_versions_that_are_not_known_leave_the_whole_text():
    found = read_for_class(KEPT, "CHANGELOG.md", None, None)
    assert "which versions are meant is not known" in found.gaps[0]
    assert {"removed", "breaking", "deprecated"} <= {note.kind for note in found.notes}


@pytest.mark.parametrize(
    "words", ["No breaking changes", "There are no known breaking changes.", "Breaking changes: none"]
)
def test_no_breaking_change_is_none(words):
    found = read(f"## 2.1.0\n- {words}\n- A flag\n", "2.0.0", "2.1.0")
    assert found.notes == ()
    assert found.clean


@given(st.text(alphabet="# -*>`=\n[]!v0123456789.BREAKINGremoved", max_size=200))
def test_any_text_is_read(text):
    found = read(text, "1.0.0", "2.0.0")
    assert found.gaps or found.lacks or found.versions, "either something was read, or it is said that nothing was"
