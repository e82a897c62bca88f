"""Slack, Teams and Mattermost: an address that takes messages and answers no more than that it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shipkeeper.integrations.notices.addressed import AddressedCourier
from shipkeeper.integrations.notices.texts import literal, markdown, paragraphs, slack_text
from shipkeeper.integrations.notices.web import Answer, refused
from shipkeeper.ports.notices import Letter, Receipt
from shipkeeper.ports.secrets import Secret

_SECTION, _BLOCKS = 2_900, 48
"""A section of Slack's holds 3,000 characters, a message 50 blocks."""
_WIDEST = 5
"""Characters that one may become when it is escaped."""
_HEADER = 150
_CARD = 20_000
"""Bytes of text in a card: Teams refuses messages of more than 28 KB, and JSON writes some characters in six bytes."""
_POST = 15_000
"""A post of Mattermost's holds 16,383 characters."""
_MORE = "… and more than fits here: ask us for the whole list."


def slack(letter: Letter) -> dict[str, Any]:
    """A message of blocks; ``text`` is what a notification shows."""
    parts = [part for paragraph in paragraphs(letter.body, _SECTION) for part in _escaped(paragraph)]
    if len(parts) > _BLOCKS:
        parts = [*parts[: _BLOCKS - 1], _MORE]
    subject = letter.subject if len(letter.subject) <= _HEADER else letter.subject[: _HEADER - 1] + "…"
    return {
        "text": slack_text(letter.subject),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": subject, "emoji": False}},
            *({"type": "section", "text": {"type": "mrkdwn", "text": part}} for part in parts),
            {"type": "context", "elements": [{"type": "plain_text", "text": letter.key, "emoji": False}]},
        ],
    }


def _escaped(paragraph: str) -> Iterator[str]:
    """A paragraph as Slack reads it, in pieces where escaping makes it too long for one section."""
    longest = _SECTION if len(slack_text(paragraph)) <= _SECTION else _SECTION // _WIDEST
    return (slack_text(part) for part in paragraphs(paragraph, longest))


def teams(letter: Letter) -> dict[str, Any]:
    """An Adaptive Card in the envelope that a workflow with a webhook trigger takes."""
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": literal(letter.subject), "wrap": True, "weight": "Bolder", "size": "Medium"},
            *({"type": "TextBlock", "text": part, "wrap": True} for part in _fitting(letter, _CARD)),
            {"type": "TextBlock", "text": letter.key, "wrap": True, "isSubtle": True, "size": "Small"},
        ],
        "msteams": {"width": "Full"},
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _fitting(letter: Letter, bytes_left: int) -> Iterator[str]:
    """The text's paragraphs, as many as fit; what is left out is said."""
    for part in paragraphs(markdown(letter), _SECTION):
        bytes_left -= len(part.encode())
        if bytes_left < 0:
            yield _MORE
            return
        yield part


def mattermost(letter: Letter) -> dict[str, Any]:
    """A post in Markdown."""
    text = f"**{literal(letter.subject)}**\n\n{markdown(letter)}\n\n`{letter.key}`"
    return {"text": text if len(text) <= _POST else f"{text[:_POST].rpartition(chr(10))[0]}\n\n{_MORE}"}


BODIES: Mapping[str, Callable[[Letter], dict[str, Any]]] = {"slack": slack, "teams": teams, "mattermost": mattermost}


class Chat(AddressedCourier):
    """An incoming webhook."""

    def _hand_over(self, letter: Letter, url: Secret, hidden: list[Secret]) -> Receipt:
        return _receipt(self._web.ask("POST", url.reveal(), json=BODIES[self._channel.kind](letter)), url)

    def _cannot_ask(self) -> str:
        return f"{self._channel.kind} cannot be asked what arrived"


def _receipt(answer: Answer, url: Secret) -> Receipt:
    if not 200 <= answer.code < 300:
        return refused(answer, (url,))
    said = " ".join(answer.text.split())[:40]
    return Receipt("sent", proof=f"HTTP {answer.code}" + (f" {said}" if said else ""))
