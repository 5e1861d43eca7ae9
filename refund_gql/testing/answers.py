"""The rules for the kinds that answer with a value or a ProviderError: all but gateways."""

from collections.abc import Awaitable
from typing import Any

from refund_gql.providers import ProviderError, Retryable
from refund_gql.testing.accounts import Account
from refund_gql.testing.faults import Fault, On
from refund_gql.testing.provider import ProviderConformance
from refund_gql.testing.suite import rule


async def converted(call: Awaitable[object]) -> object:
    """What a call returned, or the error it raised; which classes are right, one rule judges."""
    try:
        return await call
    except Exception as error:
        return error


class AnswerConformance(ProviderConformance):
    """What couriers, CRM systems and channels have in common."""

    def doubtful_faults(self) -> tuple[Fault, ...]:
        """The faults that a call may not survive."""
        return tuple(
            fault for fault in Fault if fault not in {Fault.HANG_AFTER, Fault.UNRECOGNISED}
        )

    @rule("errors-are-converted")
    async def test_errors_are_converted(self, account: Account) -> None:
        async with self.opened(account) as provider:
            for on in self.ways(provider):
                for fault in self.doubtful_faults():
                    with account.struck(fault, on):
                        answer = await converted(self.call(provider, account, on))
                    foreign = isinstance(answer, Exception) and not isinstance(
                        answer, ProviderError
                    )
                    assert not foreign, f"{fault} came out as {type(answer).__name__}"


class TransientConformance(AnswerConformance):
    """What couriers and CRM systems have in common."""

    @rule("transient-is-retryable")
    async def test_transient_is_retryable(self, account: Account) -> None:
        async with self.opened(account) as provider:
            for on in self.ways(provider):
                await self._is_retryable(provider, account, on)

    async def _is_retryable(self, provider: Any, account: Account, on: On) -> None:
        for fault in (Fault.CONNECTION_REFUSED, Fault.RATE_LIMITED):
            with account.struck(fault, on):
                answer = await converted(self.call(provider, account, on))
            assert isinstance(answer, Retryable), f"{fault} came out as {type(answer).__name__}"
