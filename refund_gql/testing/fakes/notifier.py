"""A notification channel in memory."""

from refund_gql.providers import (
    EMAIL,
    Delivery,
    Notification,
    Notifier,
    ProviderSettings,
    Refused,
)
from refund_gql.testing.accounts import NotifierAccount, Sent
from refund_gql.testing.fakes.memory import FakeSettings, MemoryAccount, translated
from refund_gql.testing.faults import On


class FakePost(MemoryAccount, NotifierAccount):
    """A post office that delivers a message once, and nothing to `bounced` addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.bounced: set[str] = set()
        self.delivered: dict[str, Notification] = {}

    def deliver(self, message: Notification) -> Delivery:
        """Deliver, unless it was delivered before. Raises Refused for a bounced address."""
        self.ids.append(message.id)
        if message.address in self.bounced:
            raise Refused(f"nobody is there: {message.address}", code="BOUNCED")
        if message.id not in self.delivered:
            self.delivered[message.id] = message
            self.messages.append(Sent(address=message.address, text=message.text))
        return Delivery(reference=f"fake-{message.id}")


class FakeNotifier(Notifier):
    """Sends through a `FakePost`; one of its own, if none is given."""

    name = "fake-notifier"
    Settings = FakeSettings
    settings: FakeSettings
    address = EMAIL
    idempotent = True

    def __init__(
        self, settings: ProviderSettings | None = None, account: FakePost | None = None
    ) -> None:
        super().__init__(settings or FakeSettings())
        self.account = account or FakePost()

    async def check(self) -> None:
        """Ask the post office for nothing in particular."""
        with translated():
            await self.account.reach(self.settings, On.READS, lambda: None)

    async def send(self, message: Notification) -> Delivery:
        """Once per id."""
        with translated():
            return await self.account.reach(
                self.settings, On.ACTIONS, lambda: self.account.deliver(message)
            )
