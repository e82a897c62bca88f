"""Slack, Teams and Mattermost: an address that takes messages and answers no more than that it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shipkeeper.integrations.notices.texts import literal, markdown, paragraphs, slack_text
from shipkeeper.integrations.notices.web import Answer, Web, refused, told
from shipkeeper.model.declared_people import Channel
from shipkeeper.ports.notices import Letter, Receipt
from shipkeeper.ports.secrets import Secret, Secrets

_SECTION, _BLOCKS = 2_900, 48
"""A section of Slack's holds 3,000 characters, a message 50 blocks."""
_HEADER = 150
_POST = 15_000
"""A post of Mattermost's holds 16,383 characters."""


def slack(letter: Letter) -> dict[str, Any]:
    """A message of blocks; ``text`` is what a notification shows."""
    sections = [
        {"type": "section", "text": {"type": "mrkdwn", "text": slack_text(part)}}
        for part in paragraphs(letter.body, _SECTION // 2)
    ]
    subject = letter.subject if len(letter.subject) <= _HEADER else letter.subject[: _HEADER - 1] + "…"
    return {
        "text": slack_text(letter.subject),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": subject, "emoji": False}},
            *sections[:_BLOCKS],
            {"type": "context", "elements": [{"type": "plain_text", "text": letter.key, "emoji": False}]},
        ],
    }


def teams(letter: Letter) -> dict[str, Any]:
    """An Adaptive Card in the envelope that a workflow with a webhook trigger takes."""
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": literal(letter.subject), "wrap": True, "weight": "Bolder", "size": "Medium"},
            *({"type": "TextBlock", "text": part, "wrap": True} for part in paragraphs(markdown(letter), _SECTION)),
            {"type": "TextBlock", "text": letter.key, "wrap": True, "isSubtle": True, "size": "Small"},
        ],
        "msteams": {"width": "Full"},
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def mattermost(letter: Letter) -> dict[str, Any]:
    """A post in Markdown."""
    text = f"**{literal(letter.subject)}**\n\n{markdown(letter)}\n\n`{letter.key}`"
    return {"text": text if len(text) <= _POST else text[: _POST - 1] + "…"}


BODIES: Mapping[str, Callable[[Letter], dict[str, Any]]] = {"slack": slack, "teams": teams, "mattermost": mattermost}


class Chat:
    """Implements ``ports.notices.Courier`` for an incoming webhook. Its address is the secret."""

    def __init__(self, channel: Channel, secrets: Secrets) -> None:
        self._channel, self._secrets, self._web = channel, secrets, Web()

    def deliver(self, letter: Letter) -> Receipt:
        """See ports.notices.Courier."""
        hidden: list[Secret] = []

        def work() -> Receipt:
            url = self._secrets.read(self._channel.url, f"channel {self._channel.name}")
            hidden.append(url)
            answer = self._web.ask("POST", url.reveal(), json=BODIES[self._channel.kind](letter))
            return _receipt(answer, url)

        return told(work, lambda: tuple(hidden))

    def find(self, letter: Letter, since_ms: int) -> Receipt:
        """Nobody can ask such an address what it has taken."""
        return Receipt("unknown", reason=f"{self._channel.kind} cannot be asked what arrived")

    def close(self) -> None:
        """See ports.notices.Courier."""
        self._web.close()


def _receipt(answer: Answer, url: Secret) -> Receipt:
    if not 200 <= answer.code < 300:
        return refused(answer, (url,))
    said = " ".join(answer.text.split())[:40]
    return Receipt("sent", proof=f"HTTP {answer.code}" + (f" {said}" if said else ""))
