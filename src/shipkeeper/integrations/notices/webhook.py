"""A webhook of the team's own: JSON, signed as Standard Webhooks 1.0.0 says, so that receivers find a library for it.

``webhook-id`` is the notice's key and stays the same when it is sent again; ``webhook-signature`` is ``v1,`` and the
base64 of HMAC-SHA-256 over ``id.timestamp.body``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

import msgspec

from shipkeeper.integrations.notices.addressed import AddressedCourier
from shipkeeper.integrations.notices.web import refused
from shipkeeper.model.errors import BadInput
from shipkeeper.model.record import API_VERSION
from shipkeeper.model.time import SECOND, iso
from shipkeeper.ports.notices import Letter, Receipt
from shipkeeper.ports.secrets import Secret

_PREFIX = "whsec_"


def body_of(letter: Letter) -> bytes:
    """The document: compact JSON, the same bytes for the same letter."""
    return msgspec.json.encode(
        {
            "type": f"maintenance.{letter.kind}",
            "timestamp": iso(letter.sent_ms),
            "data": {
                "apiVersion": API_VERSION,
                "kind": "Notice",
                "key": letter.key,
                "thread": letter.thread,
                "notice": letter.kind,
                "audience": letter.audience,
                "subject": letter.subject,
                "body": letter.body,
                "opensAt": letter.opens_at,
                "closesAt": letter.closes_at,
            },
        }
    )


def signature(secret: Secret, id: str, timestamp: int, body: bytes) -> str:
    """The header's value. A secret that begins with ``whsec_`` is base64 behind it. Raises BadInput when it is not."""
    text = secret.reveal()
    key = text.encode()
    if text.startswith(_PREFIX):
        try:
            key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            raise BadInput("the webhook's secret begins with whsec_ and is not base64 behind it") from None
    mac = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


class Webhook(AddressedCourier):
    """A receiver knows a notice by its ``webhook-id``."""

    def _hand_over(self, letter: Letter, url: Secret, hidden: list[Secret]) -> Receipt:
        body, timestamp = body_of(letter), letter.sent_ms // SECOND
        headers = {
            "Content-Type": "application/json",
            "webhook-id": letter.key,
            "webhook-timestamp": str(timestamp),
        }
        if self._channel.token:
            secret = self._secrets.read(self._channel.token, f"channel {self._channel.name}, token")
            hidden.append(secret)
            headers["webhook-signature"] = signature(secret, letter.key, timestamp, body)
        answer = self._web.send("POST", url.reveal(), body, headers)
        if not 200 <= answer.code < 300:
            return refused(answer, tuple(hidden))
        return Receipt("sent", proof=f"HTTP {answer.code}")

    def _cannot_ask(self) -> str:
        return "a webhook cannot be asked what arrived; its receiver knows it by webhook-id"
