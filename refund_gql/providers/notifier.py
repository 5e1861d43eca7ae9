"""The contract of a notification channel: one text to one person.

Messages come from the outbox after the commit, at least once. The id of a message is the same
over all its retries, so a channel that can refuse doubles should pass it on.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from refund_gql.providers.provider import Provider, ProviderKind

EMAIL = "email"
PHONE = "phone"
"""The addresses every customer may have; further ones have names of the channel's choice."""


@dataclass(frozen=True, kw_only=True)
class Notification:
    """One text to one person."""

    id: str
    """36 characters; constant over retries, and different for every message."""
    address: str
    """Where to: what the shop stored under the notifier's `address`; empty if it needs none."""
    locale: str
    """`zh` or `en`."""
    event: str
    """What it is about, such as REFUNDED; for channels with templates of their own."""
    subject: str
    text: str
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the text was made from, for channels that only take a template and its values."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """The channel has taken the message."""

    reference: str | None = None
    """The channel's own id of the message."""


class Notifier(Provider):
    """Sends messages through one channel."""

    kind: ClassVar[ProviderKind] = ProviderKind.NOTIFIER
    address: ClassVar[str]
    """Which of a customer's addresses it needs: `email`, `phone`, any other name under which
    shops store one (`wechat_openid`), or "" when it needs none, as a group robot."""
    idempotent: ClassVar[bool] = False
    """True when the channel itself drops a second message with the same id. False (most SMS):
    after OutcomeUnknown the engine does not send again by itself."""
    longest_text: ClassVar[int | None] = None
    """Characters; a longer text is refused when its template is saved, and cut when sent."""

    @abstractmethod
    async def send(self, message: Notification) -> Delivery:
        """Hand the message to the channel; called again after Retryable, with an equal message.

        Raises Refused when this person can never be reached this way (bad address, blocked,
        grant used up): the shop's next channel is tried. Retryable for what passes, with
        `retry_after` when the channel named one. OutcomeUnknown when it may have been sent.
        Misconfigured when the shop's credentials are at fault.
        """
