"""A letter's plain text in the markup that each service reads, with nothing in it that the service acts on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shipkeeper.ports.notices import Letter

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_BREAKS_LIST = re.compile(r"^(\s*)(\d+[.)]|[+>=-]+)(?=\s|$)")
_JOINER = "\u2060"
"""Invisible; put after an @, so that a name from a cluster calls nobody."""


def marker(key: str) -> str:
    """The key where a reader does not see it, and a search finds it."""
    return f"<!-- shipkeeper notice {key} -->"


def markdown(letter: Letter) -> str:
    """The text as Markdown, lists kept, everything else literal."""
    return "\n".join(_line(line) for line in letter.body.strip().splitlines())


def slack_text(text: str) -> str:
    """Text as Slack reads it: three characters are control characters there, and nothing else."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def paragraphs(text: str, longest: int) -> Iterator[str]:
    """The text's paragraphs, a longer one in parts that end at a line or a word where there is one."""
    for paragraph in re.split(r"\n{2,}", text.strip()):
        rest = paragraph
        while len(rest) > longest:
            cut = max(rest.rfind("\n", 1, longest), rest.rfind(" ", longest // 2, longest))
            cut = cut if cut > 0 else longest
            yield rest[:cut]
            rest = rest[cut:].lstrip()
        if rest:
            yield rest


def literal(text: str) -> str:
    """Text that means nothing to Markdown and calls nobody."""
    return _MARKDOWN.sub(r"\\\1", text).replace("@", "@" + _JOINER)


def _line(line: str) -> str:
    if line.startswith("- "):
        return "- " + literal(line[2:])
    return _BREAKS_LIST.sub(r"\1\\\2", literal(line))
