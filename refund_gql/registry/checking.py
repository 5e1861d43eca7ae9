"""Does a provider work with a shop's credentials? Asked by people, breaker or not."""

import time
from dataclasses import dataclass
from uuid import UUID

from refund_gql.providers import Misconfigured, ProviderError
from refund_gql.registry.connection import ProviderUnreachable
from refund_gql.registry.providers import Providers


@dataclass(frozen=True, kw_only=True)
class Check:
    """What came of it."""

    ok: bool
    milliseconds: int
    code: str | None = None
    """Why not: the provider's own code, or the class of the error."""
    reason: str = ""
    setting: str | None = None
    """The setting to look at."""


async def check(providers: Providers, shop_id: UUID, name: str) -> Check:
    """Call the provider's `check`; moves nothing."""
    began = time.perf_counter()
    found = await _outcome(providers, shop_id, name)
    milliseconds = round((time.perf_counter() - began) * 1000)
    if found is None:
        return Check(ok=True, milliseconds=milliseconds)
    return Check(
        ok=False,
        milliseconds=milliseconds,
        code=_code(found),
        reason=str(found),
        setting=found.field if isinstance(found, Misconfigured) else None,
    )


async def _outcome(
    providers: Providers, shop_id: UUID, name: str
) -> ProviderError | ProviderUnreachable | None:
    try:
        line = await providers.any(shop_id, name)
        await line.probe("check", lambda provider: provider.check())
    except (ProviderError, ProviderUnreachable) as error:
        return error
    return None


def _code(error: ProviderError | ProviderUnreachable) -> str:
    if isinstance(error, ProviderUnreachable):
        return error.reason
    return error.code or type(error).__name__
