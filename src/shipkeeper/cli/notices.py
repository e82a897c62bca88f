"""``shipkeeper notices``: who is told what, and when; sending it; and what came of it."""

from __future__ import annotations

import click

from shipkeeper.cli.notices_preview import preview_notices
from shipkeeper.cli.notices_send import send_notices
from shipkeeper.cli.notices_settle import settle_notice
from shipkeeper.cli.notices_status import status_of_notices


@click.group("notices")
def command() -> None:
    """Who is told what, and when; sending it, and the proof."""


for _verb in (preview_notices, send_notices, status_of_notices, settle_notice):
    command.add_command(_verb)
