"""The rules for providers that send news by themselves."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any, Self
from uuid import uuid4

import pytest

from refund_gql.providers import Provider, WebhookRejected
from refund_gql.testing.accounts import Account
from refund_gql.testing.provider import ProviderConformance
from refund_gql.testing.suite import missing, rule

_FLIPS = 64
"""How many bytes of a body are changed, one at a time, evenly spread."""


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A message as the provider posts it."""

    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, kw_only=True)
class News:
    """What a webhook is to say; subclassed per kind."""

    event_id: str = field(default_factory=lambda: uuid4().hex)
    sent_at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    """UTC; goes into the signature where the provider signs a time stamp."""
    foreign: bool = False
    """Sign it properly, but for another merchant, with that one's keys."""

    def but(self, **changes: Any) -> Self:
        """The same news with some fields changed."""
        return replace(self, **changes)


class WebhookConformance(ProviderConformance):
    """What gateways and couriers have in common."""

    @abstractmethod
    def news(self) -> News:
        """News about something new."""

    @abstractmethod
    def notices(self, provider: Any, webhook: Webhook) -> tuple[Any, ...]:
        """What the provider reads in a webhook."""

    def webhook(self, news: Any) -> Webhook:
        """Write and sign the message as the provider would. To be written by the author."""
        missing(
            "webhook-is-understood",
            f"{type(self).__name__} has no method `webhook(news)`: it returns the `Webhook` "
            "(headers and body) that the provider would send, signed with the keys of "
            "`self.settings`.",
        )

    @property
    def sends_webhooks(self) -> bool:
        """Whether the provider implements `parse_webhook`."""
        contract = next(one for one in self.provider.__mro__ if one.__module__ in _CONTRACTS)
        mine: Any = self.provider
        inherited: Any = contract
        return mine.parse_webhook is not inherited.parse_webhook

    async def refuses_all(self, account: Account) -> bool:
        """Whether there is nothing to test: a provider without webhooks refuses any message."""
        if self.sends_webhooks:
            return False
        async with self.opened(account) as provider:
            with pytest.raises(WebhookRejected):
                provider.parse_webhook({}, b"{}")
        return True

    @rule("tampered-webhook-is-refused")
    async def test_tampered_webhook_is_refused(self, account: Account) -> None:
        if await self.refuses_all(account):
            return
        news = self.news()
        genuine = self.webhook(news)
        async with self.opened(account) as provider:
            read = self.notices(provider, genuine)
            for webhook in _tampered(genuine):
                assert self._harmless(provider, webhook, read), "a changed message was accepted"
            with pytest.raises(WebhookRejected):
                self.notices(provider, self.webhook(news.but(foreign=True)))

    def _harmless(self, provider: Provider, webhook: Webhook, read: tuple[Any, ...]) -> bool:
        try:
            # A byte without meaning, such as white space around the message, may differ.
            return self.notices(provider, webhook) == read
        except WebhookRejected:
            return True

    @rule("stale-webhook-is-refused")
    async def test_stale_webhook_is_refused(self, account: Account) -> None:
        if await self.refuses_all(account):
            return
        news = self.news()
        async with self.opened(account) as provider:
            stale = self.webhook(news.but(sent_at=news.sent_at - timedelta(hours=1)))
            with pytest.raises(WebhookRejected):
                self.notices(provider, stale)

    @rule("webhooks-may-repeat")
    async def test_webhooks_may_repeat(self, account: Account) -> None:
        if await self.refuses_all(account):
            return
        messages = [self.webhook(self.news()) for _ in range(3)]
        before = self.effects(account)
        async with self.opened(account) as provider:
            first = [self.notices(provider, one) for one in messages]
            for order in permutations(range(3)):
                for at in (*order, *order):
                    assert self.notices(provider, messages[at]) == first[at]
        ids = [notice.event_id for notices in first for notice in notices]
        assert all(ids), "a notice has no event id"
        assert len(set(ids)) == len(messages), "different messages need different event ids"
        assert self.effects(account) == before


_CONTRACTS = {"refund_gql.providers.gateway", "refund_gql.providers.courier"}


def _tampered(genuine: Webhook) -> list[Webhook]:
    body, step = genuine.body, max(1, len(genuine.body) // _FLIPS)
    flipped = [
        body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] for at in range(0, len(body), step)
    ]
    unsigned: Mapping[str, str] = {}
    return [
        Webhook(headers=headers, body=changed)
        for headers in (genuine.headers, unsigned)
        for changed in [*flipped, body + b"x", b""]
    ]
