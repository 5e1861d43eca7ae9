"""The payment gateway the engine talks to."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from refund_gql.providers import (
    Acknowledgement,
    DisputeNotice,
    GatewayCapabilities,
    GatewayNotice,
    Outcome,
    PaymentGateway,
    ProviderSettings,
    RefundRequest,
)
from refund_gql_sandbox import credentials, webhook
from refund_gql_sandbox.gateway import answer, message
from refund_gql_sandbox.gateway.behaviour import Behaviour
from refund_gql_sandbox.gateway.ledger import Ledger
from refund_gql_sandbox.gateway.misbehaviour import Misbehaviour
from refund_gql_sandbox.script import InstructionError
from refund_gql_sandbox.settings import SandboxSettings

TIMEOUTS = frozenset({Misbehaviour.TIMEOUT_BEFORE, Misbehaviour.TIMEOUT_AFTER})


class SandboxGateway(PaymentGateway):
    """A bank in a file. Does what a real one should, and on request what a real one does.

    Like a real bank it leaves the cap to the engine: see `Ledger`.
    """

    name = "sandbox"
    Settings: ClassVar[type[ProviderSettings]] = SandboxSettings
    settings: SandboxSettings

    def __init__(self, settings: SandboxSettings) -> None:
        super().__init__(settings)
        self.ledger = Ledger(
            settings.ledger_file,
            processing_seconds=settings.processing_seconds,
            reverse_after_seconds=settings.reverse_after_seconds,
        )
        self._behaviour = Behaviour(settings)

    async def check(self) -> None:
        """Show the key, open the ledger and read the script.

        Raises Misconfigured for what a person has to correct, and what the file raises.
        """
        credentials.require(self.settings.api_key)
        await self.ledger.open()
        await asyncio.to_thread(self._behaviour.check)

    async def aclose(self) -> None:
        """Let go of the ledger file."""
        await self.ledger.close()

    async def refund(self, request: RefundRequest) -> Outcome:
        """Pay the number once.

        Raises TimeoutError, which proves nothing, and what the file raises.
        """
        if not credentials.accepted(self.settings.api_key):
            return answer.LOCKED_OUT
        try:
            receipt = await self.ledger.refund(request, self._behaviour.on_refund)
        except InstructionError as error:
            return answer.misinstructed(error)
        await self._dawdle(receipt.misbehaviour)
        if instead := self._instead(receipt.misbehaviour):
            return instead
        # Whatever keeps a request from the books has been answered above.
        assert receipt.entry is not None
        return _echoed(answer.repeated(request, receipt.entry), receipt.misbehaviour)

    async def query(self, request: RefundRequest) -> Outcome:
        """Look the number up.

        Raises TimeoutError and what the file raises; none of it proves anything.
        """
        if not credentials.accepted(self.settings.api_key):
            return answer.unanswered(answer.LOCKED_OUT)
        try:
            receipt = await self.ledger.query(request, self._behaviour.on_query)
        except InstructionError as error:
            return answer.unanswered(answer.misinstructed(error))
        await self._dawdle(receipt.misbehaviour)
        if instead := self._instead(receipt.misbehaviour):
            return answer.unanswered(instead)
        outcome = answer.described(receipt.entry) if receipt.entry else answer.ABSENT
        return _echoed(outcome, receipt.misbehaviour)

    def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> GatewayNotice | DisputeNotice:
        """Verify and translate a `Message` or a `DisputeMessage`. Raises WebhookRejected."""
        webhook.verify(headers, body, self.settings.webhook_secret)
        return message.translate(body)

    def acknowledgement(self, notice: GatewayNotice | DisputeNotice) -> Acknowledgement:
        """The sandbox wants to read "ok"."""
        return Acknowledgement(body=b"ok")

    def capabilities(self) -> GatewayCapabilities:
        """No limits but those that are set."""
        told = self.settings
        return GatewayCapabilities(
            can_query=told.can_query,
            disputes=True,
            currencies=told.currencies,
            partial=told.partial,
            max_parts=told.max_parts,
            window=_or_none(told.window_seconds),
            least_interval=timedelta(seconds=told.least_interval_seconds),
            settling_time=timedelta(seconds=told.settling_seconds),
            number_longest=told.number_longest,
            number_life=_or_none(told.number_life_seconds),
            recheck_after=_or_none(told.recheck_after_seconds),
        )

    def _instead(self, misbehaviour: Misbehaviour) -> Outcome | None:
        if misbehaviour is Misbehaviour.RATE_LIMITED:
            return answer.rate_limited(self.settings.retry_after_seconds)
        return answer.INSTEAD.get(misbehaviour)

    async def _dawdle(self, misbehaviour: Misbehaviour) -> None:
        if misbehaviour in TIMEOUTS:
            await asyncio.sleep(self.settings.timeout_seconds)
            raise TimeoutError("the sandbox did not answer in time")
        if misbehaviour is Misbehaviour.SLOW:
            await asyncio.sleep(self.settings.slow_seconds)


def _echoed(outcome: Outcome, misbehaviour: Misbehaviour) -> Outcome:
    if misbehaviour is Misbehaviour.WRONG_AMOUNT and outcome.amount is not None:
        return replace(outcome, amount=outcome.amount + 1)
    return outcome


def _or_none(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
