"""GitHub and GitLab: one issue a maintenance; what is told later is a comment on it, and its end closes it.

The key stands in each text as an HTML comment, so that after a crash the service itself can be asked.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any
from urllib.parse import quote, urlencode

from shipkeeper.integrations.notices.asked import LOOKED, PAGE, PAGES, AskedCourier
from shipkeeper.integrations.notices.texts import markdown, marker
from shipkeeper.integrations.notices.web import Answer, refused, told
from shipkeeper.model.notices import CANCELLED, DONE
from shipkeeper.model.time import MINUTE, iso
from shipkeeper.ports.notices import Letter, Receipt
from shipkeeper.ports.secrets import Secret

_SLACK_MS = 5 * MINUTE
"""How far the service's clock may be behind ours."""


class Issues(AskedCourier):
    """A service with issues and comments."""

    @abstractmethod
    def _issue(self, letter: Letter, text: str) -> tuple[str, dict[str, Any]]:
        """(path, body) that opens an issue."""

    @abstractmethod
    def _comment(self, number: str, text: str) -> tuple[str, dict[str, Any]]:
        """(path, body) that comments on it."""

    @abstractmethod
    def _end(self, number: str, kind: str) -> tuple[str, str, dict[str, Any]]:
        """(method, path, body) that closes it after a notice of that kind."""

    @abstractmethod
    def _read(self, item: Any) -> tuple[str, str, str]:
        """(number, address, text) of an issue or a comment in an answer. Raises what a wrong shape raises."""

    @abstractmethod
    def _lists(self, letter: Letter, since: str) -> tuple[tuple[str, dict[str, str]], ...]:
        """(path, query) of the lists in which a text of that letter would be."""

    def _deliver(self, letter: Letter) -> Receipt:
        text = f"{markdown(letter)}\n\n{marker(letter.key)}"
        number = began_number(letter.began)
        if number:
            path, body = self._comment(number, text)
        else:
            mentions = " ".join(f"@{name.removeprefix('@')}" for name in self._channel.to)
            path, body = self._issue(letter, f"{text}\n\n{mentions}" if mentions else text)
        answer = self._ask("POST", path, body)
        if answer.code not in (200, 201):
            return refused(answer, self._hidden())
        try:
            made, address, _ = self._read(answer.data)
        except (KeyError, TypeError, AttributeError):
            return Receipt("unknown", reason=f"HTTP {answer.code}, and an answer that is not understood")
        proof = f"#{number or made} {address}"
        if letter.kind in (DONE, CANCELLED):
            return Receipt("sent", proof=proof, reason=self._closed(number or made, letter.kind))
        return Receipt("sent", proof=proof)

    def _closed(self, number: str, kind: str) -> str:
        """Close the issue; that is no part of telling people, so what goes wrong with it is only said."""
        method, path, body = self._end(number, kind)
        ended = told(lambda: _plain(self._ask(method, path, body)), self._hidden)
        return "" if ended.state == "sent" else f"told, but the issue could not be closed: {ended.reason}"

    def _find(self, letter: Letter, since_ms: int) -> Receipt:
        wanted = marker(letter.key)
        for path, query in self._lists(letter, iso((since_ms - _SLACK_MS) // 1000 * 1000)):
            for page in range(1, PAGES + 1):
                asked = urlencode({**query, "per_page": str(PAGE), "page": str(page)})
                answer = self._ask("GET", f"{path}?{asked}")
                if answer.code != 200 or not isinstance(answer.data, list):
                    return refused(answer, self._hidden())
                for item in answer.data:
                    try:
                        number, address, text = self._read(item)
                    except (KeyError, TypeError, AttributeError):
                        continue
                    if wanted in text:
                        return Receipt("sent", proof=f"#{began_number(letter.began) or number} {address}")
                if len(answer.data) < PAGE:
                    break
            else:
                return Receipt("unknown", reason=f"more than {PAGE * PAGES} texts since then: not all were looked at")
        return Receipt("failed", proof=LOOKED, reason="the service has no such text")


def began_number(proof: str) -> str:
    """The issue's number in the proof of what was told first; empty where there is none."""
    head = proof.partition(" ")[0]
    return head.removeprefix("#") if head.startswith("#") and head[1:].isdigit() else ""


def _plain(answer: Answer) -> Receipt:
    return Receipt("sent") if answer.code in (200, 201) else refused(answer)


class GitHubIssues(Issues):
    """GitHub, and GitHub Enterprise with its API's address as ``url``."""

    public = "https://api.github.com"

    @property
    def _path(self) -> str:
        return f"/repos/{quote(self._channel.project)}/issues"

    def _headers(self, token: Secret) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {token.reveal()}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    def _issue(self, letter: Letter, text: str) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {"title": letter.subject, "body": text}
        if self._channel.labels:
            body["labels"] = list(self._channel.labels)
        return self._path, body

    def _comment(self, number: str, text: str) -> tuple[str, dict[str, Any]]:
        return f"{self._path}/{number}/comments", {"body": text}

    def _end(self, number: str, kind: str) -> tuple[str, str, dict[str, Any]]:
        reason = "not_planned" if kind == CANCELLED else "completed"
        return "PATCH", f"{self._path}/{number}", {"state": "closed", "state_reason": reason}

    def _read(self, item: Any) -> tuple[str, str, str]:
        return str(item.get("number") or ""), str(item["html_url"]), str(item.get("body") or "")

    def _lists(self, letter: Letter, since: str) -> tuple[tuple[str, dict[str, str]], ...]:
        number = began_number(letter.began)
        if number:
            return ((f"{self._path}/{number}/comments", {"since": since}),)
        query = {"since": since, "state": "all", "sort": "created", "direction": "desc"}
        return ((self._path, query),)


class GitLabIssues(Issues):
    """GitLab, at any address."""

    public = "https://gitlab.com"

    @property
    def _path(self) -> str:
        return f"/api/v4/projects/{quote(self._channel.project, safe='')}/issues"

    def _headers(self, token: Secret) -> dict[str, str]:
        return {"PRIVATE-TOKEN": token.reveal()}

    def _issue(self, letter: Letter, text: str) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {"title": letter.subject, "description": text}
        if self._channel.labels:
            body["labels"] = ",".join(self._channel.labels)
        return self._path, body

    def _comment(self, number: str, text: str) -> tuple[str, dict[str, Any]]:
        return f"{self._path}/{number}/notes", {"body": text}

    def _end(self, number: str, kind: str) -> tuple[str, str, dict[str, Any]]:
        return "PUT", f"{self._path}/{number}", {"state_event": "close"}

    def _read(self, item: Any) -> tuple[str, str, str]:
        if "iid" in item:
            return str(item["iid"]), str(item.get("web_url") or ""), str(item.get("description") or "")
        # A note: it carries no address of its own.
        return str(item.get("noteable_iid") or ""), f"note {item['id']}", str(item.get("body") or "")

    def _lists(self, letter: Letter, since: str) -> tuple[tuple[str, dict[str, str]], ...]:
        number = began_number(letter.began)
        if number:
            return ((f"{self._path}/{number}/notes", {"sort": "desc", "order_by": "created_at"}),)
        return ((self._path, {"created_after": since, "scope": "all", "order_by": "created_at", "sort": "desc"}),)
