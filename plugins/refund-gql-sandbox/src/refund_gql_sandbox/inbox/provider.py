"""The notification channel the engine talks to."""

from typing import ClassVar

from refund_gql.providers import (
    EMAIL,
    Delivery,
    Notification,
    Notifier,
    ProviderSettings,
    Refused,
)
from refund_gql_sandbox.door import Call, Door
from refund_gql_sandbox.inbox import mailbox
from refund_gql_sandbox.settings import InboxSettings
from refund_gql_sandbox.trouble import Trouble

ADDRESSES = {
    "ok": Trouble.OK,
    "bounce": Trouble.REFUSE,
    "busy": Trouble.RATE_LIMITED,
    "down": Trouble.DOWN,
    "lost": Trouble.TIMEOUT_AFTER,
    "slow": Trouble.SLOW,
}
"""By what stands before the `@`, or before a `+` in it: `busy+lin@example.com` is busy."""


class SandboxInbox(Notifier):
    """Keeps every message once, for `Inbox` to read. Trouble is asked for in the address."""

    name = "sandbox-inbox"
    Settings: ClassVar[type[ProviderSettings]] = InboxSettings
    settings: InboxSettings
    address = EMAIL
    idempotent = True

    def __init__(self, settings: InboxSettings) -> None:
        super().__init__(settings)
        self._door = Door(self.name, settings, mailbox.TABLES)

    async def check(self) -> None:
        """Show the key and open the ledger. Raises like `Door.check`."""
        await self._door.check()

    async def aclose(self) -> None:
        """Let go of the ledger."""
        await self._door.close()

    async def send(self, message: Notification) -> Delivery:
        """Keep the message; the same id a second time is counted and dropped."""
        person, at, place = message.address.rpartition("@")
        if not (person and at and place):
            raise Refused("This is no e-mail address", code="BAD_ADDRESS")
        asked = ADDRESSES.get(person.partition("+")[0].lower())
        call = Call(operation="send", subject=message.id, trouble=asked)
        return await self._door.call(call, lambda db: mailbox.put(db, message))
