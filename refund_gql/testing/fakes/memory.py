"""What the fakes share: settings, and a way to an account in memory that may be unreliable."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from pydantic import SecretStr

from refund_gql.providers import Misconfigured, OutcomeUnknown, ProviderSettings, Retryable
from refund_gql.testing.accounts import Account
from refund_gql.testing.faults import RETRY_AFTER, Fault, On

T = TypeVar("T")


class FakeSettings(ProviderSettings):
    """Settings of every fake."""

    api_key: SecretStr = SecretStr("fake-key-1234")
    """What the account asks for; any other value is refused."""
    webhook_secret: SecretStr = SecretStr("fake-webhook-secret")
    """The key of webhook signatures."""


class NothingDone(Exception):
    """The account was not reached, or turned the call away; `wait` is how long it wants peace."""

    def __init__(self, wait: timedelta | None = None) -> None:
        super().__init__("the account did nothing")
        self.wait = wait


class NobodyKnows(Exception):
    """The call was sent, and what came back proves nothing."""


class WrongKey(Exception):
    """The account does not know this key."""


class MemoryAccount(Account):
    """An account in memory, with the faults of a network in front of it."""

    api_key = FakeSettings().api_key.get_secret_value()

    def __init__(self) -> None:
        super().__init__()
        self._fault: Fault | None = None
        self._on = On.ACTIONS
        self._actions = self._requests = 0

    def inject(self, fault: Fault | None, on: On) -> None:
        """Let the fault strike."""
        self._fault, self._on = fault, on

    def requests(self) -> int:
        """All calls so far."""
        return self._requests

    def actions(self) -> int:
        """The calls for an effect so far."""
        return self._actions

    async def reach(self, settings: FakeSettings, on: On, work: Callable[[], T]) -> T:
        """Do the work at the account, unless the fault of the moment prevents it.

        Raises NothingDone, NobodyKnows or WrongKey.
        """
        self._requests += 1
        self._actions += on is On.ACTIONS
        fault = self._fault if self._on is on else None
        # Like a network: others get their turn on the way there and back.
        await asyncio.sleep(0)
        _lose(fault)
        if settings.api_key.get_secret_value() != self.api_key:
            raise WrongKey("the account does not know this key")
        done = work()
        await asyncio.sleep(0)
        if fault is Fault.HANG_AFTER:
            await asyncio.Event().wait()
        if fault is not None:
            raise NobodyKnows(fault.value)
        return done


def _lose(fault: Fault | None) -> None:
    """Raise for the faults that keep the call from having its effect."""
    if fault is Fault.CONNECTION_REFUSED:
        raise NothingDone
    if fault is Fault.RATE_LIMITED:
        raise NothingDone(RETRY_AFTER)
    if fault is not None and not fault.has_effect:
        raise NobodyKnows(fault.value)


@contextmanager
def translated() -> Iterator[None]:
    """The account's errors in the words of the contracts; gateways have their own."""
    try:
        yield
    except NothingDone as error:
        raise Retryable(str(error), retry_after=error.wait) from error
    except NobodyKnows as error:
        raise OutcomeUnknown(str(error)) from error
    except WrongKey as error:
        raise Misconfigured(str(error), field="api_key") from error
