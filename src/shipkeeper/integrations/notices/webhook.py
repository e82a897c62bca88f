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

from shipkeeper.integrations.notices.web import Web, refused, told
from shipkeeper.model.declared_people import Channel
from shipkeeper.model.errors import BadInput
from shipkeeper.model.record import API_VERSION
from shipkeeper.model.time import SECOND, iso
from shipkeeper.ports.notices import Letter, Receipt
from shipkeeper.ports.secrets import Secret, Secrets

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


class Webhook:
    """Implements ``ports.notices.Courier``."""

    def __init__(self, channel: Channel, secrets: Secrets) -> None:
        self._channel, self._secrets, self._web = channel, secrets, Web()

    def deliver(self, letter: Letter) -> Receipt:
        """See ports.notices.Courier."""
        hidden: list[Secret] = []

        def work() -> Receipt:
            url = self._secrets.read(self._channel.url, f"channel {self._channel.name}")
            hidden.append(url)
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

        return told(work, lambda: tuple(hidden))

    def find(self, letter: Letter, since_ms: int) -> Receipt:
        """What is behind an address of the team's own is not known."""
        return Receipt("unknown", reason="a webhook cannot be asked what arrived; its receiver knows it by webhook-id")

    def close(self) -> None:
        """See ports.notices.Courier."""
        self._web.close()
