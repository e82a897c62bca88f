"""Templates of notices: ours, or a team's own over them. They are programs of others: sandboxed, and told by line."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shipkeeper.evidence.words import clean
from shipkeeper.model.errors import BadInput, Location

PACKAGE, FOLDER = "shipkeeper.evidence", "templates/notices"
SUBJECT = "Subject:"
LONGEST_SUBJECT, LONGEST_BODY = 250, 20_000
"""Characters. A status page takes 255 in a name and 25,000 in a body."""


class Templates:
    """Finds the template of a notice and renders it.

    Looked for in this order: ``KIND.AUDIENCE.txt`` and ``KIND.txt`` in the team's folder, then the same in ours.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """``folder``: the team's own templates. Raises BadInput when it is not there."""
        if folder is not None and not folder.is_dir():
            raise BadInput(
                f"there is no folder {folder} with templates of notices",
                location=Location(str(folder)),
                hint="mend notices.templates in the platform file; it is relative to that file",
            )
        own = [jinja2.FileSystemLoader(folder)] if folder is not None else []
        self._folder = folder
        self._environment = ImmutableSandboxedEnvironment(
            loader=jinja2.ChoiceLoader([*own, jinja2.PackageLoader(PACKAGE, FOLDER)]),
            autoescape=False,  # plain text; each channel escapes for itself
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            finalize=_harmless,
        )

    def render(self, kind: str, audience: str, variables: Mapping[str, Any]) -> tuple[str, str]:
        """(subject, body). Raises BadInput for a template that is missing, broken or gives no subject."""
        names = self._names(kind, audience)
        try:
            template = self._environment.select_template(names)
            text = template.render(variables)
        except jinja2.TemplatesNotFound as error:
            raise BadInput(f"there is no template for a notice of kind {kind!r}", object=kind) from error
        except jinja2.TemplateSyntaxError as error:
            raise self._broken(error.message or "it cannot be read", error.filename or "", error.lineno) from error
        except Exception as error:  # whatever a template of theirs does: it is told with its line, and nothing is sent
            file, line = self._place(error, names[0])
            raise self._broken(_said(error), file, line) from error
        return self._parts(text, template.filename or names[0])

    def _names(self, kind: str, audience: str) -> list[str]:
        wanted = [f"{kind}.{audience}.txt", f"{kind}.txt"]
        if self._folder is None:
            return wanted
        # Theirs first, also where theirs is the general one and ours the special one.
        own = [name for name in wanted if (self._folder / name).is_file()]
        return own or wanted

    def _parts(self, text: str, file: str) -> tuple[str, str]:
        head, _, rest = text.lstrip().partition("\n")
        subject = clean(head.removeprefix(SUBJECT)).strip()
        body = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in rest.splitlines())).strip() + "\n"
        if not head.startswith(SUBJECT) or not subject:
            raise self._broken(f"its first line is not '{SUBJECT} …'", file, 1)
        if not body.strip():
            raise self._broken("it has a subject and no text", file, 1)
        if len(subject) > LONGEST_SUBJECT:
            subject = subject[: LONGEST_SUBJECT - 1] + "…"
        if len(body) > LONGEST_BODY:
            cut = body[:LONGEST_BODY].rsplit("\n", 1)[0]
            body = f"{cut}\n\n… and more than fits here: ask us for the whole list.\n"
        return subject, body

    def _place(self, error: Exception, name: str) -> tuple[str, int]:
        """The innermost line of a template that the error passed through."""
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if frame.filename.endswith(".txt")]
        return (ours[-1].filename, ours[-1].lineno or 0) if ours else (name, 0)

    def _broken(self, reason: str, file: str, line: int) -> BadInput:
        return BadInput(
            f"a template of notices does not work: {reason}",
            code="bad-template",
            location=Location(file, line),
            why="nothing was sent: nobody should be told half of it",
            hint="its variables are in docs/reference/notice-templates.md; see it with: shipkeeper notices preview",
        )


def _said(error: Exception) -> str:
    words = clean(str(error)) or type(error).__name__
    return words if isinstance(error, jinja2.TemplateError) else f"{type(error).__name__}: {words}"


def _harmless(value: object) -> object:
    """Every value that goes into a text: one line, without control characters, whoever gave it."""
    return clean(value) if isinstance(value, str) else value
