"""Statuspage: a maintenance is a scheduled incident; what is told later changes its status and adds an update."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from shipkeeper.integrations.notices.asked import LOOKED, PAGE, PAGES, AskedCourier
from shipkeeper.integrations.notices.web import Answer, refused
from shipkeeper.model.notices import CANCELLED, DONE, OVERRUN, START
from shipkeeper.model.untyped import mapping, sequence
from shipkeeper.ports.notices import Letter, Receipt
from shipkeeper.ports.secrets import Secret

_STATUS = {START: "in_progress", OVERRUN: "in_progress", DONE: "completed", CANCELLED: "completed"}
"""Kind of notice → what the incident becomes; all others leave it scheduled."""
_MOST_KEYS = 20


class Statuspage(AskedCourier):
    """Each key is in the incident's metadata, so the page itself can be asked."""

    public = "https://api.statuspage.io"

    def _headers(self, token: Secret) -> dict[str, str]:
        return {"Authorization": f"OAuth {token.reveal()}"}

    @property
    def _path(self) -> str:
        return f"/v1/pages/{quote(self._channel.project, safe='')}/incidents"

    def _deliver(self, letter: Letter) -> Receipt:
        id = _id(letter.began)
        status = _STATUS.get(letter.kind, "scheduled")
        if not id:
            if not letter.opens_at:
                return Receipt("failed", reason="a status page shows maintenance with a time, and this has no window")
            answer = self._ask("POST", self._path, {"incident": self._scheduled(letter, status)})
            return _receipt(answer, self._hidden())
        one = f"{self._path}/{quote(id, safe='')}"
        known = self._ask("GET", one)
        if known.code != 200:
            # Nothing was changed by asking.
            return Receipt("failed", reason=refused(known, self._hidden()).reason)
        change = {"status": status, "body": letter.body.strip(), "metadata": _metadata(letter.key, known.data)}
        answer = self._ask("PATCH", one, {"incident": change})
        return _receipt(answer, self._hidden())

    def _scheduled(self, letter: Letter, status: str) -> dict[str, Any]:
        components = list(self._channel.components)
        made: dict[str, Any] = {
            "name": letter.subject,
            "status": status,
            "scheduled_for": letter.opens_at,
            "scheduled_until": letter.closes_at,
            # It begins and ends when it does, and not because the hour has come.
            "scheduled_auto_in_progress": False,
            "scheduled_auto_completed": False,
            "auto_transition_to_maintenance_state": bool(components),
            "auto_transition_to_operational_state": bool(components),
            "scheduled_remind_prior": False,
            "body": letter.body.strip(),
            "metadata": _metadata(letter.key, None),
        }
        if components:
            made["component_ids"] = components
        return made

    def _find(self, letter: Letter, since_ms: int) -> Receipt:
        for page in range(1, PAGES + 1):
            answer = self._ask("GET", f"{self._path}?{urlencode({'limit': PAGE, 'page': page})}")
            if answer.code != 200 or not isinstance(answer.data, list):
                return refused(answer, self._hidden())
            for item in answer.data:
                if isinstance(item, dict) and letter.key in _keys(item):
                    return Receipt("sent", proof=_proof(item))
            if len(answer.data) < PAGE:
                return Receipt("failed", proof=LOOKED, reason="the page has no such incident")
        return Receipt("unknown", reason=f"more than {PAGE * PAGES} incidents: not all were looked at")


def _receipt(answer: Answer, secrets: tuple[Secret, ...]) -> Receipt:
    if answer.code not in (200, 201):
        return refused(answer, secrets)
    if not isinstance(answer.data, dict) or not answer.data.get("id"):
        return Receipt("unknown", reason=f"HTTP {answer.code}, and an answer that is not understood")
    return Receipt("sent", proof=_proof(answer.data))


def _proof(incident: dict[str, Any]) -> str:
    return f"{incident.get('id')} {incident.get('shortlink') or ''}".strip()


def _id(proof: str) -> str:
    return proof.partition(" ")[0]


def _keys(incident: Any) -> list[str]:
    ours = mapping(mapping(mapping(incident).get("metadata")).get("shipkeeper"))
    return [key for key in sequence(ours.get("notices")) if isinstance(key, str)]


def _metadata(key: str, incident: Any) -> dict[str, Any]:
    """What others keep there stays; the values at its top have to be objects."""
    others = mapping(mapping(incident).get("metadata"))
    keys = list(dict.fromkeys([*_keys(incident), key]))[-_MOST_KEYS:]
    return {**others, "shipkeeper": {"notices": keys}}
