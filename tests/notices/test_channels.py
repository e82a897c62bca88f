"""Channels over HTTP against a real server: the documented shapes, and no more claimed than is known."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import httpx2
import msgspec
import pytest
from msgspec.structs import replace

from shipkeeper.app.notices.couriers import BY_KIND
from shipkeeper.integrations.notices import web as web_module
from shipkeeper.integrations.notices.chat import BODIES
from shipkeeper.integrations.notices.texts import literal, markdown, paragraphs
from shipkeeper.integrations.system.secrets import ReferencedSecrets
from shipkeeper.model.declared_people import CHANNEL_KINDS
from shipkeeper.model.platform import Channel
from shipkeeper.model.time import MINUTE, parse_instant
from shipkeeper.ports.notices import Courier, Letter, Receipt
from tests.notices.web import Reply, Request, Site, serving

TOKEN = "canary-token-91ab"
LETTER = Letter(
    key="n-0123456789abcdef",
    thread="feed",
    kind="announcement",
    audience="developers",
    to="env:HOOK",
    subject="Planned maintenance <Tuesday> & more",
    body="You do not have to do anything.\n\n- StatefulSet shop/*db*: @here <!channel> [x](http://y)\n- a_b_c\n",
    sent_ms=parse_instant("2026-11-20T09:00:00Z"),
    opens_at="2026-12-01T22:00:00+01:00",
    closes_at="2026-12-02T05:00:00+01:00",
)
HOOKS = ("slack", "teams", "mattermost", "webhook")
APIS = ("github-issue", "gitlab-issue", "statuspage")


def courier(site: Site, kind: str, **more: Any) -> Courier:
    """A courier whose secrets come from an environment, as in life."""
    said: dict[str, Any] = {"name": "c", "kind": kind}
    if kind in HOOKS:
        said |= {"url": "env:HOOK"}
    else:
        said |= {"url": site.url, "token": "env:TOKEN", "project": "team/ops" if kind != "statuspage" else "page1"}
    environ = {"HOOK": f"{site.url}/services/canary-hook-path", "TOKEN": TOKEN}
    return BY_KIND[kind](Channel(**{**said, **more}), ReferencedSecrets(environ))


def deliver(site: Site, kind: str, letter: Letter = LETTER, **more: Any) -> Receipt:
    made = courier(site, kind, **more)
    try:
        return made.deliver(letter)
    finally:
        made.close()


def test_every_kind_that_a_file_may_declare_has_a_courier() -> None:
    assert set(BY_KIND) == set(CHANNEL_KINDS)


def test_slack_gets_blocks_and_pings_nobody() -> None:
    with serving() as site:
        receipt = deliver(site, "slack")
    request = site.asked[0]
    assert (request.method, request.path) == ("POST", "/services/canary-hook-path")
    assert request.headers["content-type"] == "application/json"
    body = request.json
    assert body["text"] == "Planned maintenance &lt;Tuesday&gt; &amp; more"
    assert body["blocks"][0] == {
        "type": "header", "text": {"type": "plain_text", "text": LETTER.subject, "emoji": False},
    }  # fmt: skip
    assert body["blocks"][1] == {
        "type": "section", "text": {"type": "mrkdwn", "text": "You do not have to do anything."},
    }  # fmt: skip
    assert "&lt;!channel&gt;" in body["blocks"][2]["text"]["text"]
    assert "<!" not in request.body.decode()
    assert receipt == Receipt("sent", proof="HTTP 200 ok")


def test_teams_gets_an_adaptive_card_in_a_message() -> None:
    with serving(lambda request: Reply(202, "")) as site:
        receipt = deliver(site, "teams")
    body = site.asked[0].json
    assert body["type"] == "message"
    attachment = body["attachments"][0]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert {block["type"] for block in card["body"]} == {"TextBlock"}
    assert all(block["wrap"] for block in card["body"])
    assert card["body"][1]["text"] == "You do not have to do anything."
    assert receipt == Receipt("sent", proof="HTTP 202")


def test_mattermost_gets_markdown_in_which_names_are_only_names() -> None:
    with serving() as site:
        receipt = deliver(site, "mattermost")
    text = site.asked[0].json["text"]
    assert text.startswith("**Planned maintenance \\<Tuesday\\> \\& more**\n\nYou do not")
    assert "@here" not in text
    assert "\\*db\\*" in text
    assert "- a\\_b\\_c" in text, "a list stays one"
    assert receipt.state == "sent"


def test_a_webhook_is_signed_so_that_a_library_verifies_it() -> None:
    raw = b"0123456789abcdef01234567"
    for secret, key in ((f"whsec_{base64.b64encode(raw).decode()}", raw), ("plain secret", b"plain secret")):
        with serving() as site:
            channel = Channel(name="c", kind="webhook", url="env:HOOK", token="env:TOKEN")
            made = BY_KIND["webhook"](channel, ReferencedSecrets({"HOOK": site.url, "TOKEN": secret}))
            receipt = made.deliver(LETTER)
            made.close()
        request = site.asked[0]
        id, timestamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        expected = hmac.new(key, f"{id}.{timestamp}.".encode() + request.body, hashlib.sha256).digest()
        assert request.headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()
        assert (id, timestamp) == (LETTER.key, "1795165200")
        assert receipt == Receipt("sent", proof="HTTP 200")
    document = request.json
    assert (document["type"], document["timestamp"]) == ("maintenance.announcement", "2026-11-20T09:00:00Z")
    assert set(document["data"]) == {
        "apiVersion", "kind", "key", "thread", "notice", "audience", "subject", "body", "opensAt", "closesAt",
    }  # fmt: skip


def test_a_webhook_without_a_secret_is_not_signed_and_a_bad_one_sends_nothing() -> None:
    with serving() as site:
        deliver(site, "webhook")
        channel = Channel(name="c", kind="webhook", url="env:HOOK", token="env:TOKEN")
        made = BY_KIND["webhook"](channel, ReferencedSecrets({"HOOK": site.url, "TOKEN": "whsec_not base64!"}))
        receipt = made.deliver(LETTER)
        made.close()
    assert "webhook-signature" not in site.asked[0].headers
    assert receipt.state == "failed"
    assert len(site.asked) == 1
    assert "not base64" in receipt.reason
    assert "whsec_not" not in receipt.reason


# --- issues -----------------------------------------------------------------------------------------------


class GitHub:
    """Issues and comments as GitHub's REST API gives them."""

    def __init__(self) -> None:
        self.issues: list[dict[str, Any]] = []
        self.comments: dict[int, list[dict[str, Any]]] = {}

    def __call__(self, request: Request) -> Reply:
        path, _, _query = request.path.partition("?")
        parts = path.removeprefix("/repos/team/ops/issues").strip("/").split("/")
        if request.method == "GET":
            return Reply(200, self.comments.get(int(parts[0]), []) if parts[0] else self.issues)
        if request.method == "PATCH":
            self.issues[int(parts[0]) - 1] |= request.json
            return Reply(200, self.issues[int(parts[0]) - 1])
        if parts == [""]:
            number = len(self.issues) + 1
            made = {"number": number, "html_url": f"https://git/{number}", "state": "open", **request.json}
            self.issues.append(made)
            return Reply(201, made)
        listed = self.comments.setdefault(int(parts[0]), [])
        listed.append({"id": 7, "html_url": f"https://git/{parts[0]}#7", **request.json})
        return Reply(201, listed[-1])


def test_github_gets_one_issue_then_comments_and_the_end_closes_it() -> None:
    service = GitHub()
    with serving(service) as site:
        said = {"labels": ("maintenance",), "to": ("octocat",)}
        first = deliver(site, "github-issue", **said)
        start = replace(LETTER, key="n-start", kind="start", began=first.proof)
        later = deliver(site, "github-issue", start, **said)
        deliver(site, "github-issue", replace(LETTER, key="n-done", kind="done", began=first.proof), **said)
    assert first == Receipt("sent", proof="#1 https://git/1")
    assert later.proof == "#1 https://git/1#7"
    opened = site.asked[0]
    assert (opened.method, opened.path) == ("POST", "/repos/team/ops/issues")
    assert opened.headers["authorization"] == f"Bearer {TOKEN}"
    assert opened.headers["accept"] == "application/vnd.github+json"
    assert opened.headers["x-github-api-version"] == "2022-11-28"
    assert opened.json["title"] == LETTER.subject
    assert opened.json["labels"] == ["maintenance"]
    assert "<!-- shipkeeper notice n-0123456789abcdef -->" in opened.json["body"]
    assert opened.json["body"].endswith("@octocat"), "those who are named in the file are called, and nobody else"
    assert site.asked[1].path == "/repos/team/ops/issues/1/comments"
    assert [(r.method, r.path) for r in site.asked[2:]] == [
        ("POST", "/repos/team/ops/issues/1/comments"), ("PATCH", "/repos/team/ops/issues/1"),
    ]  # fmt: skip
    assert site.asked[3].json == {"state": "closed", "state_reason": "completed"}


def test_gitlab_gets_one_issue_then_notes_and_the_end_closes_it() -> None:
    def answer(request: Request) -> Reply:
        if request.path.endswith("/notes"):
            return Reply(201, {"id": 55, "noteable_iid": 4, "body": request.json["body"]})
        return Reply(
            201 if request.method == "POST" else 200, {"iid": 4, "web_url": "https://lab/4", "description": ""}
        )

    with serving(answer) as site:
        first = deliver(site, "gitlab-issue", labels=("a", "b"))
        cancelled = replace(LETTER, key="n-c", kind="cancelled", began=first.proof)
        last = deliver(site, "gitlab-issue", cancelled)
    assert first == Receipt("sent", proof="#4 https://lab/4")
    assert last == Receipt("sent", proof="#4 note 55")
    assert site.asked[0].path == "/api/v4/projects/team%2Fops/issues"
    assert site.asked[0].headers["private-token"] == TOKEN
    assert (site.asked[0].json["title"], site.asked[0].json["labels"]) == (LETTER.subject, "a,b")
    assert [(r.method, r.path.rpartition("team%2Fops")[2]) for r in site.asked[1:]] == [
        ("POST", "/issues/4/notes"), ("PUT", "/issues/4"),
    ]  # fmt: skip
    assert site.asked[2].json == {"state_event": "close"}


def test_an_issue_that_cannot_be_closed_was_told_all_the_same() -> None:
    with serving(lambda r: Reply(403, {"message": "no"}) if r.method == "PATCH" else GitHub()(r)) as site:
        receipt = deliver(site, "github-issue", replace(LETTER, kind="done"))
    assert receipt.state == "sent"
    assert "could not be closed: HTTP 403" in receipt.reason


@pytest.mark.parametrize("kind", ["github-issue", "gitlab-issue"])
def test_after_a_crash_the_service_is_asked(kind: str) -> None:
    listed: list[dict[str, Any]] = []
    with serving(lambda request: Reply(200, listed)) as site:
        made = courier(site, kind)
        nothing = made.find(LETTER, LETTER.sent_ms)
        text = "…\n<!-- shipkeeper notice n-0123456789abcdef -->"
        listed.append({"number": 3, "html_url": "https://git/3", "body": text} if kind == "github-issue" else
                      {"iid": 3, "web_url": "https://git/3", "description": text})  # fmt: skip
        found = made.find(LETTER, LETTER.sent_ms)
        made.find(replace(LETTER, began="#3 https://git/3"), LETTER.sent_ms)
        made.close()
    assert (nothing.state, found.state, found.proof) == ("failed", "sent", "#3 https://git/3")
    since = "2026-11-20T08%3A55%3A00Z"
    assert since in site.asked[0].path, "a clock may be a few minutes behind ours"
    tail = "/comments" if kind == "github-issue" else "/notes"
    assert tail in site.asked[-1].path, "a later message is looked for among the comments"


@pytest.mark.parametrize("kind", APIS)
@pytest.mark.parametrize(
    "answer",
    [lambda r: Reply(500, "x"), lambda r: Reply(403, {"message": "no"}), lambda r: Reply(200, {"odd": 1}),
     lambda r: Reply(drop=True)],
    ids=["500", "403", "not a list", "no answer"],
)  # fmt: skip
def test_a_search_that_failed_proves_nothing(kind: str, answer: Callable[[Request], Reply]) -> None:
    with serving(answer) as site:
        made = courier(site, kind)
        assert made.find(LETTER, 0).state == "unknown"
        made.close()


def test_a_search_ends() -> None:
    page = [{"number": 1, "html_url": "u", "body": "x"}] * 100
    with serving(lambda request: Reply(200, page)) as site:
        made = courier(site, "github-issue")
        found = made.find(LETTER, 0)
        made.close()
    assert found.state == "unknown"
    assert "not all were looked at" in found.reason
    assert len(site.asked) == 10


# --- status page ------------------------------------------------------------------------------------------


def statuspage(request: Request) -> Reply:
    kept = {
        "id": "inc1",
        "shortlink": "https://stspg.io/1",
        "metadata": {"theirs": {"a": 1}, "shipkeeper": {"notices": ["n-1"]}},
    }
    return Reply(201 if request.method == "POST" else 200, kept)


def test_a_status_page_gets_a_scheduled_maintenance_and_then_its_progress() -> None:
    with serving(statuspage) as site:
        first = deliver(site, "statuspage", components=("c1",))
        receipts = [
            deliver(site, "statuspage", replace(LETTER, key=f"n-{kind}", kind=kind, began=first.proof))
            for kind in ("reminder", "start", "overrun", "done")
        ]
    assert first == Receipt("sent", proof="inc1 https://stspg.io/1")
    assert {receipt.state for receipt in receipts} == {"sent"}
    made = site.asked[0]
    assert (made.method, made.path) == ("POST", "/v1/pages/page1/incidents")
    assert made.headers["authorization"] == f"OAuth {TOKEN}"
    incident = made.json["incident"]
    assert incident["name"] == LETTER.subject
    assert incident["status"] == "scheduled"
    assert (incident["scheduled_for"], incident["scheduled_until"]) == (LETTER.opens_at, LETTER.closes_at)
    assert incident["scheduled_auto_in_progress"] is False, "it begins when it does"
    assert incident["component_ids"] == ["c1"]
    assert incident["metadata"] == {"shipkeeper": {"notices": [LETTER.key]}}
    changes = [r for r in site.asked if r.method == "PATCH"]
    assert {r.path for r in changes} == {"/v1/pages/page1/incidents/inc1"}
    assert [r.json["incident"]["status"] for r in changes] == ["scheduled", "in_progress", "in_progress", "completed"]
    assert changes[0].json["incident"]["metadata"] == {
        "theirs": {"a": 1}, "shipkeeper": {"notices": ["n-1", "n-reminder"]},
    }, "what others keep there stays"  # fmt: skip


def test_the_status_page_can_be_asked_by_key() -> None:
    page = [{"id": "other", "metadata": {}}, {"id": "inc9", "metadata": {"shipkeeper": {"notices": [LETTER.key]}}}]
    with serving(lambda request: Reply(200, page)) as site:
        made = courier(site, "statuspage")
        assert made.find(LETTER, 0) == Receipt("sent", proof="inc9")
        assert made.find(replace(LETTER, key="n-none"), 0).state == "failed"
        made.close()


def test_a_status_page_needs_a_time_and_is_not_changed_blindly() -> None:
    with serving(lambda request: Reply(404, {"error": "gone"})) as site:
        timeless = deliver(site, "statuspage", replace(LETTER, opens_at="", closes_at=""))
        gone = deliver(site, "statuspage", replace(LETTER, kind="start", began="inc1 x"))
    assert (timeless.state, gone.state) == ("failed", "failed")
    assert [r.method for r in site.asked] == ["GET"], "nothing was written"


# --- what is known ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*HOOKS, *APIS])
@pytest.mark.parametrize(
    ("reply", "state", "words"),
    [
        (Reply(400, "invalid_payload"), "failed", "HTTP 400: invalid_payload"),
        (Reply(401, {"message": "Bad credentials"}), "failed", "HTTP 401"),
        (Reply(429, "slow down"), "failed", "HTTP 429"),
        (Reply(302, "", location="http://127.0.0.1:9/elsewhere"), "failed", "HTTP 302"),
        (Reply(500, "boom"), "unknown", "HTTP 500"),
        (Reply(504, "gateway"), "unknown", "HTTP 504"),
        (Reply(drop=True), "unknown", "the request left, and no answer came"),
        (Reply(hang=True), "unknown", "the request left, and no answer came"),
    ],
    ids=["400", "401", "429", "redirect", "500", "504", "dropped", "hangs"],
)
def test_certain_failures_are_told_apart_from_doubt(
    kind: str, reply: Reply, state: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reply.hang:
        monkeypatch.setattr(web_module, "TIMEOUT", httpx2.Timeout(0.3))
    with serving(lambda request: reply) as site:
        receipt = deliver(site, kind)
    assert receipt.state == state, receipt
    assert words in receipt.reason
    assert len(site.asked) == 1, "it was asked once, and not again by itself, or elsewhere"


@pytest.mark.parametrize("kind", APIS)
def test_an_answer_that_is_not_understood_is_no_proof(kind: str) -> None:
    with serving(lambda request: Reply(201, "created, I think")) as site:
        assert deliver(site, kind).state == "unknown"


@pytest.mark.parametrize("kind", [*HOOKS, *APIS])
def test_nobody_there_is_certain_and_no_secret_is_in_any_word(kind: str) -> None:
    with serving() as site:
        gone = courier(site, kind)
    receipts = [gone.deliver(LETTER)]
    gone.close()
    with serving(
        lambda r: Reply(403, f"no {r.headers.get('authorization')} {r.headers.get('private-token')} {r.path}")
    ) as site:
        receipts.append(deliver(site, kind))
    assert [receipt.state for receipt in receipts] == ["failed", "failed"]
    assert "not reached" in receipts[0].reason
    assert "canary" not in repr(receipts), "a secret went to the logbook"


@pytest.mark.parametrize("kind", [*HOOKS, *APIS])
def test_a_secret_that_is_not_there_fails_before_anything_is_asked(kind: str) -> None:
    with serving() as site:
        said = {"url": "env:NONE"} if kind in HOOKS else {"url": site.url, "token": "env:NONE", "project": "p"}
        made = BY_KIND[kind](Channel(name="c", kind=kind, **said), ReferencedSecrets({}))
        receipt = made.deliver(LETTER)
        made.close()
    assert receipt.state == "failed"
    assert "the environment has no NONE" in receipt.reason
    assert not site.asked


@pytest.mark.parametrize("kind", APIS)
def test_a_token_that_no_header_can_carry_is_certain_and_not_repeated(kind: str) -> None:
    with serving() as site:
        channel = Channel(name="c", kind=kind, url=site.url, token="env:T", project="p")
        made = BY_KIND[kind](channel, ReferencedSecrets({"T": "canary\nX-Evil: 1"}))
        receipt = made.deliver(LETTER)
        made.close()
    assert receipt.state == "failed"
    assert "a line break?" in receipt.reason
    assert "canary" not in repr(receipt)
    assert not site.asked


def test_an_address_that_is_no_web_address_fails() -> None:
    made = BY_KIND["gitlab-issue"](
        Channel(name="c", kind="gitlab-issue", url="ftp://x", token="env:T", project="p"), ReferencedSecrets({"T": "t"})
    )
    assert made.deliver(LETTER).state == "failed"
    made.close()


@pytest.mark.parametrize("kind", HOOKS)
def test_what_cannot_be_asked_says_so(kind: str) -> None:
    with serving() as site:
        made = courier(site, kind)
        assert made.find(LETTER, LETTER.sent_ms - MINUTE).state == "unknown"
        made.close()


def test_long_texts_fit_each_service() -> None:
    long = replace(LETTER, subject="s" * 250, body="\n\n".join(f"- {'word ' * 900}" for _ in range(40)))
    slack = BODIES["slack"](long)
    assert len(slack["blocks"]) <= 50
    assert all(len(block["text"]["text"]) <= 3_000 for block in slack["blocks"] if block["type"] == "section")
    assert len(slack["blocks"][0]["text"]["text"]) <= 150
    assert "more than fits here" in slack["blocks"][-2]["text"]["text"], "what is left out is said"
    signs = BODIES["slack"](replace(LETTER, body="&" * 2_900))
    assert all(len(block["text"]["text"]) <= 3_000 for block in signs["blocks"] if block["type"] == "section")
    assert "&amp;&amp;" in signs["blocks"][1]["text"]["text"]
    assert len(BODIES["mattermost"](long)["text"]) <= 16_383
    wide = replace(LETTER, body="\n\n".join("å" * 400 for _ in range(60)))
    for letter in (long, wide):
        assert len(msgspec.json.encode(BODIES["teams"](letter))) <= 28_000, "Teams refuses more"
        assert "more than fits here" in BODIES["teams"](letter)["attachments"][0]["content"]["body"][-2]["text"]
    whole = "one two three\nfour\n\nfive"
    assert "".join(paragraphs(whole, 8)).replace(" ", "") == "onetwothreefourfive".replace(" ", "")


def test_markdown_is_literal() -> None:
    body = "# head\n1. one\n- item *x*\n> quote\n+ plus\n=====\n---"
    lines = markdown(replace(LETTER, body=body)).splitlines()
    assert lines == [
        "\\# head", "\\1. one", "- item \\*x\\*", "\\> quote", "\\+ plus", "\\=====", "\\---",
    ]  # fmt: skip
    assert literal("`a` & <b>") == "\\`a\\` \\& \\<b\\>"
