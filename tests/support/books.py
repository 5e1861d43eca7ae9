"""What the oracle says about one shop of the running engine."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from support import facts, oracle
from support.facts import Acknowledged, Facts
from support.world import World


class Books:
    """Collects what callers were told, then compares it with the bank and the rows."""

    def __init__(self, world: World, url: str, ledger: Path) -> None:
        self._world = world
        self._url = url
        self._ledger = ledger
        self._acknowledged: list[Acknowledged] = []

    def note(self, key: str, refund: dict[str, Any]) -> None:
        """Remember that the request of this key was answered with this refund."""
        told = Acknowledged(key=key, number=refund["number"], **refund["amount"])
        self._acknowledged.append(told)

    @property
    def refunds(self) -> int:
        """How many different refunds callers were told about."""
        return len({answer.number for answer in self._acknowledged})

    async def violations(
        self, checks: Iterable[Callable[[Facts], Iterable[str]]] = oracle.CHECKS
    ) -> list[str]:
        """The breaches these checks find."""
        found = await self._facts()
        return [breach for check in checks for breach in check(found)]

    async def payments(self) -> list[int]:
        """What the bank paid, in minor units, oldest first."""
        return [payment.amount for payment in (await self._facts()).payments]

    async def _facts(self) -> Facts:
        return await facts.gather(self._url, self._world.shop.id, self._ledger, self._acknowledged)
