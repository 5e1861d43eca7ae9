"""Random trouble that can be repeated."""

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")


class Chaos:
    """Chooses; keeps no state, so the choice is the same in every process."""

    def __init__(self, *, probability: float, seed: int) -> None:
        self._probability = probability
        self._seed = seed

    def strikes(self, call: str, kinds: Sequence[T]) -> T | None:
        """Which of these happens to this call; None for none."""
        # A hash of the call instead of a generator: a generator's draws would depend on the order
        # of calls, which differs between runs as soon as there are two workers.
        digest = sha256(f"{self._seed}/{call}".encode()).digest()
        if int.from_bytes(digest[:6]) / 2**48 >= self._probability:
            return None
        return kinds[int.from_bytes(digest[6:12]) % len(kinds)]
