"""``shipkeeper init``: a first platform file, from what runs and what a person answers."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from shipkeeper.app.init import QUESTIONS, Answers, Asked, draft, written
from shipkeeper.app.knowledge import load_knowledge
from shipkeeper.app.platform_file import NAMES, parse_platform
from shipkeeper.app.sources import source_of
from shipkeeper.app.state import State, write_atomically
from shipkeeper.app.survey import read_inventory
from shipkeeper.cli.options import source_options, state_option
from shipkeeper.cli.output import hint
from shipkeeper.model.errors import BadInput, UsageProblem


def _answers(function: click.decorators.FC) -> click.decorators.FC:
    """An option for every question; its keyword argument is the answer's field."""
    for question in reversed(QUESTIONS):
        function = click.option(
            question.flag, question.field, default="", metavar="TEXT", help=f"{question.text} ({question.example})"
        )(function)
    return function


@click.command("init")
@source_options
@click.option("--out", default=NAMES[0], show_default=True, metavar="FILE", help="Where to write it; - is stdout.")
@click.option("--environment", default="", metavar="NAME", help="What the environment is called.")
@click.option("--production/--staging", default=None, help="Whether people depend on it; else told from its name.")
@_answers
@click.option("--no-input", is_flag=True, help="Ask nothing: what no option answers is left open, and marked.")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@state_option
def command(
    from_path: str | None,
    context: str | None,
    kubeconfig: str | None,
    out: str,
    environment: str,
    production: bool | None,
    no_input: bool,
    force: bool,
    state: str | None,
    **given: str,
) -> None:
    """Write a first platform file: what runs is taken from the cluster, what it cannot know is asked.

    Nothing is written to the cluster. What nobody said is marked in the file, `assumed` or `not known`, and told.
    """
    path = Path(out)
    if out != "-" and path.exists() and not force:
        raise UsageProblem(
            f"{out} exists already", object=out, hint="name another with --out FILE, or overwrite it with --force"
        )
    inventory = read_inventory(source_of(from_path, context, kubeconfig))
    asking = not no_input and sys.stdin.isatty()
    said = {question.field: _answer(question, given[question.field], asking) for question in QUESTIONS}
    answers = Answers(environment=environment, production={True: "yes", False: "no", None: ""}[production], **said)
    made = written(draft(inventory, load_knowledge(State.open(state)).products, answers, context or ""))
    parse_platform(made.text.encode(), out)
    if out == "-":
        click.echo(made.text, nl=False)
    else:
        try:
            write_atomically(path, made.text.encode(), mode=0o644)
        except OSError as error:
            raise UsageProblem(f"{out} cannot be written: {error.strerror}", object=out) from error
    for title, lines in (("Assumed, please look:", made.assumed), ("Not known:", made.open)):
        if lines:
            hint(title)
            for line in lines:
                hint(f"  {line}")
    if out != "-":
        hint(f"{out} written.  Next: read it, then shipkeeper config check, shipkeeper scope")


def _answer(question: Asked, given: str, asking: bool) -> str:
    """What the option says, else what the person types; empty where neither. Raises BadInput for a bad option."""
    if given:
        try:
            question.check(given)
        except BadInput as error:
            raise BadInput(f"{question.flag}: {error.message}", hint=error.hint) from error
        return given
    while asking:
        typed: str = click.prompt(
            f"{question.text} (such as {question.example}; empty: {question.without})",
            default="", show_default=False, err=True,
        )  # fmt: skip
        if not typed.strip():
            break
        try:
            question.check(typed)
        except BadInput as error:
            hint(f"  {error.message}; {error.hint}")
            continue
        return typed.strip()
    return ""
