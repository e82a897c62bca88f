"""A service that knows us by a token, and that can be asked what it has taken."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from shipkeeper.integrations.notices.web import Answer, Web, base, told
from shipkeeper.model.declared_people import Channel
from shipkeeper.ports.notices import Letter, Receipt
from shipkeeper.ports.secrets import Secret, Secrets

LOOKED = "looked"
"""Proof that a search ended: a failed search is no answer."""
PAGE, PAGES = 100, 10
"""Entries that are asked for at once, and how often at the most."""


class AskedCourier(ABC):
    """Implements ``ports.notices.Courier``; a kind of service says how a letter is given to it and found in it."""

    public: ClassVar[str]
    """Address of the public service."""

    def __init__(self, channel: Channel, secrets: Secrets) -> None:
        self._channel, self._secrets, self._web = channel, secrets, Web()
        self._token: Secret | None = None

    def deliver(self, letter: Letter) -> Receipt:
        """See ports.notices.Courier."""
        return told(lambda: self._deliver(letter), self._hidden)

    def find(self, letter: Letter, since_ms: int) -> Receipt:
        """See ports.notices.Courier."""
        found = told(lambda: self._find(letter, since_ms), self._hidden)
        return found if found.state == "sent" or found.proof == LOOKED else Receipt("unknown", reason=found.reason)

    def close(self) -> None:
        """See ports.notices.Courier."""
        self._web.close()

    @abstractmethod
    def _headers(self, token: Secret) -> dict[str, str]:
        """What says who we are."""

    @abstractmethod
    def _deliver(self, letter: Letter) -> Receipt:
        """Give the letter to the service. May raise what ``told`` turns into a receipt."""

    @abstractmethod
    def _find(self, letter: Letter, since_ms: int) -> Receipt:
        """Look for it there; ``LOOKED`` is the proof of a search that came to its end."""

    def _hidden(self) -> tuple[Secret, ...]:
        return (self._token,) if self._token is not None else ()

    def _ask(self, method: str, path: str, body: Any = None) -> Answer:
        self._token = self._secrets.read(self._channel.token, f"channel {self._channel.name}, token")
        url = base(self._channel.url, self.public) + path
        return self._web.ask(method, url, headers=self._headers(self._token), json=body)
