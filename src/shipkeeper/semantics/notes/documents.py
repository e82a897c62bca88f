"""Migration documents and scripts: what they ask to be ticked, what they run, where they say they start from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from shipkeeper.model.errors import BadInput
from shipkeeper.model.notes import Command
from shipkeeper.model.version import Version, parse_version

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BOX = re.compile(r"^\s*[-*]\s+\[[ xX]\]\s+(?P<text>.+)$")
_HEADING = re.compile(r"^#{1,6}\s+(?P<text>.+?)\s*$")
_STEP = re.compile(r"^\s*\d+\.\s+(?P<text>.+?)\s*$")
_FENCE = re.compile(r"^(?P<indent>[\s>]*)(?P<mark>```+|~~~+)\s*(?P<language>[\w+-]*)\s*$")
_ONLY_FROM = re.compile(r"only supported from\s+(?P<what>[^\n.]*(?:\.[0-9x]+[^\n.]*)*)", re.IGNORECASE)
_VERSION = re.compile(r"v?\d+\.\d+(?:\.(?:\d+|x))?(?:-ck8s(?:\d+|x))?", re.ASCII)
_SHELLS = frozenset({"", "bash", "sh", "shell", "console", "shellsession"})

_RISKS = (
    ("destructive", re.compile(r"\b(helm_uninstall|helmfile_destroy|helmfile_replace|kubectl_delete)\b")),
    (
        "destructive",
        re.compile(r"\b(?:kubectl\S*|helm|helmfile|terraform|rm)\b[^\n#]*\b(?:delete|uninstall|destroy|-rf)\b"),
    ),
    ("forced", re.compile(r"--force-conflicts|--force\b|--cascade=orphan|--grace-period=0")),
    ("crd", re.compile(r"\bcrds?\b|customresourcedefinition", re.IGNORECASE)),
)


def checklist_of(text: str) -> tuple[str, ...]:
    """Every box that a document asks somebody to tick, as written."""
    return tuple(match["text"].strip() for line in _plain(text) if (match := _BOX.match(line)))


def commands_of(text: str) -> tuple[Command, ...]:
    """Every block of shell commands with the heading and step it stands under."""
    found: list[Command] = []
    heading, step = "", ""
    block: list[str] | None = None
    opened: re.Match[str] | None = None
    disruptive: bool | None = None
    for line in _plain(text):
        fence = _FENCE.match(line)
        if block is not None and opened is not None:
            if fence and fence["mark"].startswith(opened["mark"]) and not fence["language"]:
                if opened["language"].lower() in _SHELLS and block:
                    under = " › ".join(filter(None, (heading, step)))
                    found.append(Command(under=under, text="\n".join(block), disruptive=disruptive))
                block = None
            else:
                block.append(line.removeprefix(opened["indent"]) if line.strip() else "")
        elif fence:
            block, opened = [], fence
        elif match := _HEADING.match(line):
            heading, step, disruptive = match["text"], "", _disruption(match["text"])
        elif match := _STEP.match(line):
            step = match["text"]
            said = _disruption(step)
            disruptive = said if said is not None else _disruption(heading)
    return tuple(found)


def _disruption(text: str) -> bool | None:
    lowered = text.lower()
    if "non-disruptive" in lowered or "before the upgrade" in lowered:
        return False
    return True if "disruptive" in lowered or lowered.strip("# ") == "upgrade steps" else None


def only_from(text: str) -> tuple[str, ...]:
    """Versions that a document says an upgrade is only supported from; empty: it says nothing of the kind."""
    found = _ONLY_FROM.search("\n".join(_plain(text)))
    return tuple(_VERSION.findall(found["what"])) if found else ()


def starts_wrong(start: Version, allowed: Sequence[str]) -> str:
    """Why a hop may not start where it does; empty when it may."""
    if not allowed or any(_same(start, text) for text in allowed):
        return ""
    return f"it says an upgrade is only supported from {', '.join(allowed)}, and this hop starts at {start}"


def _same(start: Version, text: str) -> bool:
    bare = re.sub(r"\.x|-ck8sx", "", text)
    if bare == text and text.count(".") > 1:
        try:
            return parse_version(text, start.scheme) == start
        except BadInput:
            return False
    numbers = tuple(int(n) for n in re.findall(r"\d+", bare.partition("-")[0]))
    return start.numbers[: len(numbers)] == numbers


def risks_of(script: str) -> tuple[str, ...]:
    """What a script does that cannot simply be done again: by the commands in it, comments left out."""
    code = "\n".join(line for line in script.splitlines() if not line.lstrip().startswith("#"))
    return tuple(dict.fromkeys(name for name, pattern in _RISKS if pattern.search(code)))


def _plain(text: str) -> Iterable[str]:
    return _COMMENT.sub("", text).splitlines()
