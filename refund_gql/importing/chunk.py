"""A few hundred orders or refunds that are committed together."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Generic, TypeVar

from refund_gql.database import Transaction
from refund_gql.importing.copying import Fetch

D = TypeVar("D")


class Chunk(ABC):
    """What some drafts turn into, worked out against what the database holds already."""

    counts: Counter[str]
    """Name -> number, for the report."""

    @abstractmethod
    async def write(self, tx: Transaction) -> None:
        """Write every row of the chunk."""

    @abstractmethod
    def committed(self) -> None:
        """The rows are in the database: later chunks may build on them."""


class Importer(ABC, Generic[D]):
    """How drafts of one kind become rows."""

    @abstractmethod
    async def prepare(self, fetch: Fetch, drafts: Sequence[D]) -> Chunk:
        """Work out the rows; reads with `fetch`, writes nothing."""
