"""An address that takes messages: it is the secret, and it tells no more than that it took one."""

from __future__ import annotations

from abc import ABC, abstractmethod

from shipkeeper.integrations.notices.web import Web, told
from shipkeeper.model.declared_people import Channel
from shipkeeper.ports.notices import Letter, Receipt
from shipkeeper.ports.secrets import Secret, Secrets


class AddressedCourier(ABC):
    """Implements ``ports.notices.Courier``; a kind of address says how a letter is handed over."""

    def __init__(self, channel: Channel, secrets: Secrets) -> None:
        self._channel, self._secrets, self._web = channel, secrets, Web()

    def deliver(self, letter: Letter) -> Receipt:
        """See ports.notices.Courier."""
        hidden: list[Secret] = []

        def work() -> Receipt:
            url = self._secrets.read(self._channel.url, f"channel {self._channel.name}")
            hidden.append(url)
            return self._hand_over(letter, url, hidden)

        return told(work, lambda: tuple(hidden))

    def find(self, letter: Letter, since_ms: int) -> Receipt:
        """Nobody can ask such an address what it has taken."""
        return Receipt("unknown", reason=self._cannot_ask())

    def close(self) -> None:
        """See ports.notices.Courier."""
        self._web.close()

    @abstractmethod
    def _hand_over(self, letter: Letter, url: Secret, hidden: list[Secret]) -> Receipt:
        """Post the letter. What else is secret is put into ``hidden`` before it is used."""

    @abstractmethod
    def _cannot_ask(self) -> str:
        """Why nobody knows what arrived, in words."""
