"""The payment gateway the engine talks to."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from refund_gql.providers import (
    Acknowledgement,
    GatewayCapabilities,
    GatewayNotice,
    Outcome,
    PaymentGateway,
    ProviderSettings,
    RefundRequest,
)
from refund_gql_sandbox import answer, webhook
from refund_gql_sandbox.behaviour import Behaviour
from refund_gql_sandbox.ledger import Ledger
from refund_gql_sandbox.misbehaviour import Misbehaviour
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
        """Open the ledger and read the script. Raises LedgerError, InstructionError."""
        await self.ledger.open()
        await asyncio.to_thread(self._behaviour.check)

    async def aclose(self) -> None:
        """Let go of the ledger file."""
        await self.ledger.close()

    async def refund(self, request: RefundRequest) -> Outcome:
        """Pay the number once; raises TimeoutError and LedgerError, which prove nothing."""
        try:
            receipt = await self.ledger.refund(request, self._behaviour.on_refund)
        except InstructionError as error:
            return answer.misinstructed(error)
        await self._dawdle(receipt.misbehaviour)
        if receipt.misbehaviour is Misbehaviour.RATE_LIMITED:
            return answer.rate_limited(self.settings.retry_after_seconds)
        if receipt.entry is None or receipt.misbehaviour in answer.INSTEAD:
            return answer.INSTEAD[receipt.misbehaviour]
        outcome = answer.repeated(request, receipt.entry)
        if receipt.misbehaviour is Misbehaviour.WRONG_AMOUNT and outcome.amount is not None:
            return replace(outcome, amount=outcome.amount + 1)
        return outcome

    async def query(self, request: RefundRequest) -> Outcome:
        """Look the number up; raises TimeoutError and LedgerError, which prove nothing."""
        receipt = await self.ledger.query(request, self._behaviour.on_query)
        await self._dawdle(receipt.misbehaviour)
        if receipt.misbehaviour in answer.INSTEAD:
            return answer.INSTEAD[receipt.misbehaviour]
        return answer.described(receipt.entry) if receipt.entry else answer.ABSENT

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> GatewayNotice:
        """Verify and translate one of `webhook.Message`. Raises WebhookRejected."""
        webhook.verify(headers, body, self.settings.webhook_secret)
        return webhook.translate(headers, body)

    def acknowledgement(self, notice: GatewayNotice) -> Acknowledgement:
        """The sandbox wants to read "ok"."""
        return Acknowledgement(body=b"ok")

    def capabilities(self) -> GatewayCapabilities:
        """No limits but the times that are set."""
        recheck = self.settings.recheck_after_seconds
        return GatewayCapabilities(
            settling_time=timedelta(seconds=self.settings.settling_seconds),
            least_interval=timedelta(seconds=self.settings.least_interval_seconds),
            recheck_after=None if recheck is None else timedelta(seconds=recheck),
        )

    async def _dawdle(self, misbehaviour: Misbehaviour) -> None:
        if misbehaviour in TIMEOUTS:
            await asyncio.sleep(self.settings.timeout_seconds)
            raise TimeoutError("the sandbox did not answer in time")
        if misbehaviour is Misbehaviour.SLOW:
            await asyncio.sleep(self.settings.slow_seconds)
