"""Release notes and migration documents are read as they were at the release, and what is not known is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.app.upgrade_notes import notes_from_checkout, notes_from_files, tags_by_version
from shipkeeper.integrations.git.repository import GitRepository, open_repository
from shipkeeper.model.errors import BadInput, Failed, MissingExtra
from shipkeeper.model.paths import Hop, Skipped
from shipkeeper.model.version import parse_version
from shipkeeper.semantics.notes.changelog import read_changelog
from shipkeeper.semantics.notes.documents import checklist_of, commands_of, only_from, risks_of, starts_wrong
from shipkeeper.semantics.notes.folders import fit, read_folder
from tests.versions.repos import ENV, Project

KEEP = """# Changelog

## [1.3.0] - 2024-05-02

### Security

- Tokens are no longer logged.

### Removed

- The old API.
  It was announced in 1.2.

## [1.2.1] - 2024-03-01

### Changed

- Nothing much.
"""

NOTICES = """# v0.50.0

Released 2025-10-23
<!-- -->
> [!IMPORTANT]
> **Platform Administrator Notice(s)**
> - The driver changes.<br>Two effects follow.
> - Ports change.
>
> **Application Developer Notice(s)**
>
> - Your probes move.
>
> **Security Notice(s)**
> - A hole is closed.

## Release highlights

- A dashboard.

## Changes by kind

### Feature(s)

- [#1](https://example.org/1) - Something
  - more of it

## v0.50.1

Released 2025-12-17

### Other(s)

- A fix.
"""

README = """# Upgrade to v0.50.x

> [!WARNING]
> Upgrade only supported from v0.49.x.

<!--
- [ ] not a box
-->

## Prerequisites

- [ ] Read through the changelog
- [ ] Notify the users (if any) before the upgrade starts;

    ```bash
    ./bin/test sc
    ```

## Automatic method

1. Prepare upgrade - _non-disruptive_

    > _Done before maintenance window._

    ```bash
    ./bin/upgrade both v0.50 prepare

    ./bin/update-ips both dry-run
    ```

1. Apply upgrade - _disruptive_

    ```bash
    ./bin/upgrade both v0.50 apply
    ```

    ```yaml
    not: a command
    ```
"""


def hop(start: str, target: str, *skipped: str) -> Hop:
    passed = tuple(Skipped(version=text, why="passed") for text in skipped)
    return Hop(from_version=start, to_version=target, kind="minor", why="test", skipped=passed)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An apps repository: old folder names, then new ones; main has moved on and says something else."""
    made = Project(tmp_path / "apps")
    made.release("v0.48.1", "2025-09-01", {"CHANGELOG.md": "# Changelog\n\n## v0.48.1\n\n- old\n"})
    made.release("v0.49.0", "2025-10-06", {"changelog/0.49.md": "# v0.49.0\n\n## Changes\n\n- a\n"}, annotated=True)
    made.release(
        "v0.50.0",
        "2025-11-18",
        {
            "CHANGELOG.md": None,
            "changelog/0.50.md": NOTICES.partition("## v0.50.1")[0],
            "migration/v0.49/README.md": "# Upgrade to v0.49.x",
            "migration/v0.50/README.md": README,
            "migration/v0.50/prepare/00-template.sh": "#!/bin/sh\n",
            "migration/v0.50/prepare/20-b.sh": "#!/bin/sh\nyq4 ...\n",
            "migration/v0.50/prepare/20-a.sh": "#!/bin/sh\nyq4 ...\n",
            "migration/v0.50/apply/80-apply.sh": "#!/bin/sh\n# kubectl delete everything\nhelmfile_upgrade\n",
            "migration/v0.50/apply/10-crds.sh": "helm_uninstall sc x y\nkubectl apply --force-conflicts -f crds/\n",
            "migration/template/README.md": "- [ ] template",
            "migration/create-migration-document.sh": "#!/bin/sh\n",
        },
        executable=(
            "migration/v0.50/prepare/20-a.sh", "migration/v0.50/prepare/20-b.sh", "migration/v0.50/apply/80-apply.sh",
        ),
    )  # fmt: skip
    made.release("v0.50.1", "2025-12-19", {"changelog/0.50.md": NOTICES}, annotated=True)
    made.release("list", "2025-12-20")
    made.write({"changelog/0.50.md": "# v0.50.1\n\n## Changes\n\n- what main says, and the release did not\n"})
    made.write({"migration/v0.50/README.md": "# rewritten on main"})
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "main moves on")
    return made


@pytest.mark.requirement("R-B5")
def test_notes_and_migration_are_read_at_the_targets_tag(project: Project) -> None:
    repository = open_repository(project.folder, ENV)
    found = notes_from_checkout("ck8s-apps", "ck8s", hop("v0.49.0", "v0.50.1", "v0.50.0"), repository)
    assert [(note.version, note.state, note.read_at) for note in found.notes] == [
        ("v0.50.0", "read", "v0.50.1"),
        ("v0.50.1", "read", "v0.50.1"),
    ]
    assert found.of_kind("administrator") == (
        ("v0.50.0", "The driver changes.\nTwo effects follow."),
        ("v0.50.0", "Ports change."),
    )
    assert found.of_kind("developer") == (("v0.50.0", "Your probes move."),)
    assert found.of_kind("security") == (("v0.50.0", "A hole is closed."),)
    assert "what main says" not in str(found), "main is not what is installed"
    [document] = found.migrations
    assert (document.folder, document.fit, document.read_at) == ("migration/v0.50", "exact", "v0.50.1")
    assert document.checklist == (
        "Read through the changelog",
        "Notify the users (if any) before the upgrade starts;",
    )
    assert [(step.phase, step.name, step.executable, step.risks) for step in document.steps] == [
        ("prepare", "20-a.sh", True, ()),
        ("prepare", "20-b.sh", True, ()),
        ("apply", "10-crds.sh", False, ("destructive", "forced", "crd")),
        ("apply", "80-apply.sh", True, ()),
    ]
    assert document.problems == ("migration/v0.50/apply/10-crds.sh is not executable: the run would end there",)
    assert [(command.disruptive, command.text) for command in document.commands] == [
        (None, "./bin/test sc"),
        (False, "./bin/upgrade both v0.50 prepare\n\n./bin/update-ips both dry-run"),
        (True, "./bin/upgrade both v0.50 apply"),
    ]
    assert found.digest.startswith("sha256:")
    assert found.migration == "found"


def test_the_digest_is_of_what_was_read_and_of_nothing_else(project: Project) -> None:
    repository = open_repository(project.folder, ENV)
    first = notes_from_checkout("ck8s-apps", "ck8s", hop("v0.49.0", "v0.50.1", "v0.50.0"), repository).digest
    project.write({"unrelated": "text"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "more")
    assert notes_from_checkout("ck8s-apps", "ck8s", hop("v0.49.0", "v0.50.1", "v0.50.0"), repository).digest == first
    project.git("tag", "-f", "-a", "-m", "moved", "v0.50.1")
    moved = notes_from_checkout("ck8s-apps", "ck8s", hop("v0.49.0", "v0.50.1", "v0.50.0"), repository)
    assert moved.digest != first, "a tag that was moved is another text: who read the old one did not read this"


def test_a_hop_from_further_back_than_the_document_allows_is_said(project: Project) -> None:
    repository = open_repository(project.folder, ENV)
    found = notes_from_checkout("ck8s-apps", "ck8s", hop("v0.48.1", "v0.50.0", "v0.49.0"), repository)
    assert any("only supported from v0.49.x" in text for text in found.unknown)
    assert [(note.version, note.state, note.read_at) for note in found.notes] == [
        ("v0.49.0", "read", "v0.50.0"),
        ("v0.50.0", "read", "v0.50.0"),
    ]
    assert [(item.folder, item.fit) for item in found.migrations] == [
        ("migration/v0.49", "minor"),
        ("migration/v0.50", "exact"),
    ]


@pytest.mark.requirement("R-B5")
def test_no_migration_document_is_a_legal_answer_and_no_changelog_is_unknown(project: Project) -> None:
    repository = open_repository(project.folder, ENV)
    found = notes_from_checkout("ck8s-apps", "ck8s", hop("v0.48.1", "v0.49.0"), repository)
    assert found.migration == "none"
    gone = notes_from_checkout("ck8s-apps", "ck8s", hop("v0.50.1", "v0.51.0"), repository)
    assert gone.migration == "unknown"
    assert gone.notes[0].state == "missing"
    assert "no tag" in gone.notes[0].why
    assert gone.digest == "", "nothing was read: nobody can acknowledge it"


@pytest.mark.parametrize(
    ("text", "state", "why"),
    [
        ("Everything is on our website.\n", "unparsed", "no heading in it names a release"),
        ("# v1.3.0\n\n", "read", "nothing below"),
        ("# v1.2.0\n\n- x\n", "missing", "no heading for v1.3.0"),
        ("\xff\xfe binary \x00", "unparsed", "no heading"),
    ],
)
def test_a_change_log_that_cannot_be_taken_apart_is_kept_whole(text: str, state: str, why: str) -> None:
    found = read_changelog(text, parse_version("v1.3.0", "semver"), "CHANGELOG.md", "v1.3.0")
    assert found.state == state
    assert why in found.why
    if state == "unparsed":
        assert found.text == text, "nothing of it is dropped"


def test_keep_a_changelog() -> None:
    found = read_changelog(KEEP, parse_version("1.3.0", "semver"), "CHANGELOG.md", "v1.3.0")
    assert found.released == "2024-05-02"
    assert [(section.title, section.kind, section.items) for section in found.sections] == [
        ("Security", "security", ("Tokens are no longer logged.",)),
        ("Removed", "breaking", ("The old API.\nIt was announced in 1.2.",)),
    ]


def test_the_first_release_of_a_minor_may_be_called_by_the_minor() -> None:
    text = "## v1.16.1\n### All changes\n* b\n\n## v1.16\n### 2025-05-01\n### All changes\n* a\n"
    first = read_changelog(text, parse_version("v1.16.0", "semver"), "CHANGELOG-1.16.md", "v1.16.1")
    assert [section.items for section in first.sections] == [("a",)]
    second = read_changelog(text, parse_version("v1.16.1", "semver"), "CHANGELOG-1.16.md", "v1.16.1")
    assert [section.items for section in second.sections] == [("b",)], "a release's notes end where the next begin"


markdownish = st.lists(
    st.sampled_from(
        ["# v1.0.0", "## v1.1", "### Security", "- item", "  - inner", "> **Security Notice(s)**", "> - quoted", "```",
         "", "text", "====", "1. step - _disruptive_", "- [ ] box", "<!--", "-->", "| a |", "> [!WARNING]", "\t", "#"]
    ),
    max_size=25,
).map("\n".join)  # fmt: skip


@given(st.one_of(markdownish, st.text(max_size=200)))
def test_any_text_is_taken_apart_or_kept_and_nothing_is_lost_in_between(text: str) -> None:
    found = read_changelog(text, parse_version("v1.1.0", "semver"), "CHANGELOG.md", "v1.1.0")
    assert found.state in ("read", "unparsed", "missing")
    if found.state != "read":
        assert found.why, "what is not known has a reason"
    if found.state == "unparsed":
        assert found.text in text or found.text == "\n".join(text.splitlines()), "kept as it is"
        assert found.text.strip()
    checklist_of(text), commands_of(text), only_from(text), risks_of(text), read_folder(text)


@given(markdownish)
def test_every_bullet_of_a_release_is_in_its_notes(body: str) -> None:
    plain = "\n".join(line for line in body.splitlines() if line.startswith(("- item", "###")))
    wanted = plain.count("- item")
    found = read_changelog(f"# v1.1.0\n\n{plain}\n", parse_version("1.1.0", "semver"), "x", "y")
    assert sum(len(section.items) for section in found.sections) == wanted


def test_headings_in_code_blocks_and_links_do_not_part_releases() -> None:
    text = "## [v2.0.0](https://example.org) (2024)\n\n```\n# v1.0.0\n```\n\n### Changes\n\n- x\n\n## v1.0.0\n\n- y\n"
    found = read_changelog(text, parse_version("2.0.0", "semver"), "CHANGELOG.md", "v2.0.0")
    assert found.state == "read"
    assert [section.title for section in found.sections][-1] == "Changes"
    assert "y" not in [item for section in found.sections for item in section.items]


def test_notes_from_files_given(tmp_path: Path) -> None:
    files = {"a.md": NOTICES.encode(), "b.txt": b"just text"}
    found = notes_from_files("ck8s-apps", "ck8s", hop("v0.49.0", "v0.50.1", "v0.50.0"), files)
    assert [(note.version, note.state, note.read_at) for note in found.notes] == [
        ("v0.50.0", "read", "a.md"),
        ("v0.50.1", "read", "a.md"),
    ]
    assert found.migration == "unknown", "a change log does not tell whether there is a migration document"
    other = notes_from_files("x", "semver", hop("1.0.0", "1.1.0"), {"b.txt": b"just text"})
    assert (other.notes[0].state, other.notes[0].text) == ("unparsed", "just text")
    assert other.unknown


FOLDERS = [
    ("v0.9.x-v0.10.x", "v0.9.3", "v0.10.0", "exact"),
    ("v0.9.x-v0.10.x", "v0.10.0", "v0.11.0", None),
    ("v0.20.0-v0.20.1", "v0.20.0", "v0.20.1", "exact"),
    ("v0.20.0-v0.20.1", "v0.19.3", "v0.20.2", None),
    ("v2.16.0-ck8s1-v2.17.x-ck8s1", "v2.16.0-ck8s1", "v2.17.1-ck8s1", "exact"),
    ("v2.19.x-ck8sx-v2.20.x-ck8sx", "v2.19.0-ck8s3", "v2.20.0-ck8s5", "exact"),
    ("v2.18.0-ck8s1-v2.19.x-ck8s1", "v2.18.1-ck8s1", "v2.19.0-ck8s3", "minor"),
    ("v2.20.0-ck8s5", "v2.20.0-ck8s4", "v2.20.0-ck8s5", "exact"),
    ("v2.20.0-ck8s5", "v2.20.0-ck8s5", "v2.21.0-ck8s4", None),
    ("v2.21", "v2.20.0-ck8s5", "v2.21.0-ck8s4", "exact"),
    ("v0.50", "v0.50.0", "v0.50.1", "exact"),
    ("v0.49", "v0.49.2", "v0.50.1", None),
]


@pytest.mark.parametrize(("name", "start", "target", "expected"), FOLDERS)
def test_folder_names_tell_which_hop_they_are_for(name: str, start: str, target: str, expected: str | None) -> None:
    span = read_folder(name)
    assert span is not None
    assert fit(span, parse_version(start, "ck8s"), parse_version(target, "ck8s")) == expected


def test_a_document_for_a_release_on_the_way_concerns_the_hop() -> None:
    span = read_folder("v2.20.0-ck8s2-v2.20.0-ck8s3")
    assert span is not None
    start, passed, target = (parse_version(f"v2.{t}", "ck8s") for t in ("19.0-ck8s3", "20.0-ck8s3", "20.0-ck8s5"))
    assert fit(span, start, target, (passed,)) == "minor"
    assert fit(span, start, target) is None


@pytest.mark.parametrize("name", ["template", "calico-to-cilium", "ubuntu", "README.md", "v0", "0.50"])
def test_folders_beside_the_path_are_no_step(name: str) -> None:
    assert read_folder(name) is None


def test_where_a_document_says_it_starts() -> None:
    assert only_from(README) == ("v0.49.x",)
    assert only_from("nothing of the kind") == ()
    assert starts_wrong(parse_version("v0.49.2", "ck8s"), ("v0.49.x",)) == ""
    assert starts_wrong(parse_version("v0.4.2", "ck8s"), ("v0.49.x",))
    assert starts_wrong(parse_version("v2.30.0-ck8s2", "ck8s"), ("v2.30.x-ck8sx",)) == ""
    assert checklist_of("- [x] done\n* [ ] open\n- not a box") == ("done", "open")
    assert commands_of("```yaml\na: b\n```") == ()


def test_risks_are_of_commands_not_of_comments() -> None:
    assert risks_of("# helm uninstall everything\necho ok") == ()
    assert risks_of("helm uninstall x") == ("destructive",)
    assert risks_of("kubectl_do sc delete crd foo") == ("destructive", "crd")
    assert risks_of("kubectl delete pod x --grace-period=0") == ("destructive", "forced")


def test_tags_that_are_no_releases_are_left_out_and_days_are_those_of_the_tag(project: Project) -> None:
    repository = open_repository(project.folder, ENV)
    assert "list" not in tags_by_version(repository, "ck8s").values()
    days = {tag.name: tag.at_ms for tag in repository.tags()}
    assert days["v0.50.0"] == 1_763_467_200_000, "a light-weight tag has its commit's day"
    assert days["v0.50.1"] == 1_766_145_600_000, "an annotated one the tagger's"


def test_what_is_no_repository_is_said(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    environ = ENV | {"GIT_CEILING_DIRECTORIES": str(tmp_path)}
    with pytest.raises(BadInput, match="is not a git repository") as caught:
        open_repository(plain, environ)
    assert caught.value.hint
    with pytest.raises(BadInput, match="is not a folder"):
        open_repository(tmp_path / "gone", ENV)
    with pytest.raises(MissingExtra, match="git program is not installed"):
        GitRepository(plain, {"PATH": str(plain)}, git="git-that-is-not-there").tags()


def test_a_configured_program_is_not_run(project: Project, tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {witness}\nexit 1\n")
    trap.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "core.editor"):
        project.git("config", key, str(trap))
    project.git("config", "filter.x.smudge", str(trap))
    (project.folder / ".git/hooks").mkdir(exist_ok=True)
    repository = open_repository(project.folder, ENV)
    notes_from_checkout("ck8s-apps", "ck8s", hop("v0.49.0", "v0.50.1", "v0.50.0"), repository)
    assert not witness.exists(), "reading a stranger's checkout must not run a stranger's program"


def test_a_damaged_repository_is_an_error_not_an_empty_answer(project: Project) -> None:
    blob = project.git("rev-parse", "v0.50.1:changelog/0.50.md").strip()
    path = project.folder / ".git/objects" / blob[:2] / blob[2:]
    os.chmod(path, 0o644)
    path.write_bytes(b"rubbish")
    repository = open_repository(project.folder, ENV)
    with pytest.raises(Failed, match="is damaged or was left out"):
        repository.read("refs/tags/v0.50.1", "changelog/0.50.md")
