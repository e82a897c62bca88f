"""The couriers of a platform's channels, made when they are first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType

from shipkeeper.integrations.notices.chat import Chat
from shipkeeper.integrations.notices.email import Email
from shipkeeper.integrations.notices.issues import GitHubIssues, GitLabIssues
from shipkeeper.integrations.notices.statuspage import Statuspage
from shipkeeper.integrations.notices.webhook import Webhook
from shipkeeper.integrations.system.secrets import ReferencedSecrets
from shipkeeper.model.declared_people import Channel
from shipkeeper.model.platform import Platform
from shipkeeper.ports.notices import Courier
from shipkeeper.ports.secrets import Secrets

BY_KIND: dict[str, Callable[[Channel, Secrets], Courier]] = {
    "email": Email,
    "slack": Chat,
    "teams": Chat,
    "mattermost": Chat,
    "webhook": Webhook,
    "github-issue": GitHubIssues,
    "gitlab-issue": GitLabIssues,
    "statuspage": Statuspage,
}


class Couriers:
    """One courier a channel, by the channel's name. A context manager: leaving it gives connections up."""

    def __init__(self, platform: Platform, environ: Mapping[str, str]) -> None:
        self._channels = {channel.name: channel for channel in platform.channels}
        self._secrets = ReferencedSecrets(environ)
        self._made: dict[str, Courier] = {}

    def __enter__(self) -> Couriers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for courier in self._made.values():
            courier.close()
        self._made.clear()

    def of(self, channel: str) -> Courier:
        """The courier of that channel."""
        if channel not in self._made:
            declared = self._channels[channel]
            self._made[channel] = BY_KIND[declared.kind](declared, self._secrets)
        return self._made[channel]
