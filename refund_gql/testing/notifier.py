"""The rules for notification channels: what the channel says, against what people got."""

from typing import ClassVar
from uuid import uuid4

from refund_gql.providers import (
    Notification,
    Notifier,
    OutcomeUnknown,
    ProviderKind,
    Refused,
    Retryable,
)
from refund_gql.testing.accounts import NotifierAccount
from refund_gql.testing.answers import AnswerConformance, converted
from refund_gql.testing.faults import ERRORS, LOST, UNREADABLE, Fault, On
from refund_gql.testing.suite import rule

TEXT = "您的退款申请已自动通过，款项 ¥19.99 将在1-3个工作日内返回支付账户 ✓"


class NotifierConformance(AnswerConformance):
    """The tests of a notification channel."""

    kind = ProviderKind.NOTIFIER
    good_address: ClassVar[str]
    """One that the simulated account delivers to."""
    bad_address: ClassVar[str]
    """One that it will never deliver to."""

    def message(self, address: str | None = None) -> Notification:
        """A message with an id never used before; to the good address if none is given."""
        to = address if address is not None else self._address("good_address", "delivers to")
        return Notification(
            id=str(uuid4()),
            address=to,
            locale="zh",
            event="REFUNDED",
            subject="退款到账",
            text=TEXT,
            variables={"amount": "19.99"},
        )

    def _address(self, name: str, what: str) -> str:
        rule_id = "message-arrives" if name == "good_address" else "errors-say-what-to-do"
        found: str = self.declared(name, rule_id, f"an address that the simulated account {what}")
        return found

    async def call(self, provider: Notifier, account: NotifierAccount, on: On) -> object:
        """A message."""
        return await provider.send(self.message())

    def effects(self, account: NotifierAccount) -> object:
        """The messages people got."""
        return list(account.sent())

    def ways(self, provider: Notifier) -> tuple[On, ...]:
        """A channel only sends."""
        return (On.ACTIONS,)

    # --- Bronze -----------------------------------------------------------------------------

    @rule("message-arrives")
    async def test_message_arrives(self, account: NotifierAccount) -> None:
        message = self.message()
        async with self.opened(account) as notifier:
            await notifier.send(message)
        (sent,) = account.sent()
        assert sent.address == message.address
        assert sent.text in (None, TEXT)

    @rule("errors-say-what-to-do")
    async def test_errors_say_what_to_do(self, account: NotifierAccount) -> None:
        bad = self._address("bad_address", "will never deliver to")
        async with self.opened(account) as notifier:
            assert isinstance(await converted(notifier.send(self.message(bad))), Refused)
            for fault in (Fault.CONNECTION_REFUSED, Fault.RATE_LIMITED):
                with account.struck(fault):
                    answer = await converted(notifier.send(self.message()))
                assert isinstance(answer, Retryable), f"{fault}: {type(answer).__name__}"
        assert list(account.sent()) == []

    @rule("doubtful-message-is-not-resent")
    async def test_doubtful_message_is_not_resent(self, account: NotifierAccount) -> None:
        right = (OutcomeUnknown, Retryable) if self._is_idempotent else (OutcomeUnknown,)
        async with self.opened(account) as notifier:
            for fault in (*LOST, *ERRORS, *UNREADABLE):
                before = len(account.sent())
                with account.struck(fault):
                    answer = await converted(notifier.send(self.message()))
                assert isinstance(answer, right), f"{fault}: {type(answer).__name__}"
                assert len(account.sent()) - before == int(fault.has_effect), fault

    @property
    def _is_idempotent(self) -> bool:
        notifier: type[Notifier] = self.provider  # type: ignore[assignment] # the author's class
        return notifier.idempotent

    # --- Silver -----------------------------------------------------------------------------

    @rule("message-id-is-constant")
    async def test_message_id_is_constant(self, account: NotifierAccount) -> None:
        message = self.message()
        async with self.opened(account) as notifier:
            with account.struck(Fault.ERROR_BEFORE):
                await converted(notifier.send(message))
            await notifier.send(message)
            await notifier.send(message)
        if self._is_idempotent:
            assert set(account.ids_seen()) == {message.id}
            assert len(account.sent()) == 1
        else:
            assert set(account.ids_seen()) <= {message.id, None}
