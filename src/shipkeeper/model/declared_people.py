"""Who is who, what is whose, and how people are told, as the platform file declares it."""

from __future__ import annotations

from shipkeeper.model.declared import Declared

CHANNEL_KINDS = (
    "email",
    "slack",
    "teams",
    "mattermost",
    "webhook",
    "github-issue",
    "gitlab-issue",
    "statuspage",
)


SECRET_URL = ("slack", "teams", "mattermost", "webhook")
"""Kinds whose address is a secret: whoever has it can write there."""


class Person(Declared, frozen=True, kw_only=True):
    """Somebody with a role: on-call, lead, security, auditor, drill-lead, or the team's own word."""

    name: str
    roles: tuple[str, ...] = ()
    contact: str = ""
    identity: str = ""
    """What the API server calls them (user name), for approvals."""
    escalate_to: str = ""
    """Name of the person or group that they turn to."""


class Scope(Declared, frozen=True, kw_only=True):
    """What is inside the fence, what is outside, who owns it and whom to escalate to."""

    component: str
    inside: bool = True
    owner: str = ""
    escalate_to: str = ""
    namespaces: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    """Names of the channels on which its owner is told; empty: the audience's."""


class Channel(Declared, frozen=True, kw_only=True):
    """A way to tell people something. Which settings it needs depends on ``kind``.

    Passwords, tokens and webhook addresses are secrets: given as references (``env:NAME``, ``file:PATH``), never
    written out.
    """

    name: str
    kind: str
    to: tuple[str, ...] = ()
    """email: addresses of the readers. github-issue and gitlab-issue: people to mention."""
    url: str = ""
    """slack, teams, mattermost, webhook: reference to the address. The others: the service's address, where it is
    not the public one.
    """
    token: str = ""
    """Reference to the token of an API; for a webhook, what signs the body (HMAC-SHA-256)."""
    server: str = ""
    """email: ``host`` or ``host:port`` of the mail server."""
    tls: str = "starttls"
    """email: starttls, tls, or none."""
    sender: str = ""
    user: str = ""
    password: str = ""
    project: str = ""
    """github-issue: ``owner/repository``; gitlab-issue: project; statuspage: page id."""
    components: tuple[str, ...] = ()
    """statuspage: ids of the components that a maintenance affects."""
    labels: tuple[str, ...] = ()


class NoticePolicy(Declared, frozen=True, kw_only=True):
    """How long beforehand who is told what. Times such as ``2 months``, ``4 weeks``, ``10 days``, ``1 day``.

    Of all times that apply to a change the longest wins.
    """

    users: str = "5 days"
    """Users, before any maintenance that they may notice."""
    minor: str = "5 days"
    """Developers, before what they should not notice."""
    major: str = "2 months"
    """Developers, before what they may notice. Never under one month."""
    kubernetes_minor: str = ""
    """Developers, before another minor of Kubernetes, so that they can look at the APIs that they use. The team's own
    number; empty: nobody has decided it, and a window with a Kubernetes minor is blocked until somebody does.
    """
    reminder: str = "1 day"
    """A second word shortly before; empty: none."""
    during_run: bool = True
    """Whether a run tells by itself that it has begun, that it takes longer, and that it is over."""
    channels: dict[str, tuple[str, ...]] = {}
    """Audience (users, developers) → names of channels; ``[]``: there is nobody. Not said at all: nobody has thought
    of them, and a window stays shut until somebody says it.
    """
    templates: str = ""
    """Folder with texts of the team's own, relative to the platform file."""
