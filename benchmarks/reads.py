"""A page of 50 refunds with lines, order, customer and timeline, against the same by hand.

Both answers come from one process, through one pool, and are compared before they are timed.
The order of the two changes from round to round. What counts is the ratio of processor time.
"""

import random
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from benchmarks.figures import Figure, spread
from benchmarks.place import Place, Server, processor_seconds
from refund_gql.graphql.queries.refunds import REFUNDS

PAGE = """query Page($after: String) { refunds(first: 50, after: $after) {
    edges { node { number status amount { amount currency }
        order { number customer { name } }
        lines { sku title quantity amount { amount currency } }
        timeline { version type status at } } }
    pageInfo { hasNextPage } } }"""
_PROGRAM = (sys.executable, "-m", "benchmarks.baseline")
_ROUNDS = 6
_PAGES = 60
"""Requests of each kind in a round."""

Start = tuple[datetime, UUID]
"""Where a page begins."""
Ask = Callable[[Start], Awaitable[bytes]]


async def measure(place: Place) -> list[Figure]:
    """Processor time a page, GraphQL and by hand, and their ratio."""
    starts = await _starts(place)
    async with place.serving("--no-worker", program=_PROGRAM) as server:
        ways = {"GraphQL": _graphql(server), "by hand": _by_hand(server)}
        for start in starts[:20]:
            answers = [orjson.loads(await ask(start)) for ask in ways.values()]
            assert answers[0] == answers[1], "both ways must give the same answer"
        costs = await _rounds(server, ways, starts)
    ratios = [theirs / ours for ours, theirs in zip(*costs.values(), strict=True)]
    return [
        spread("page of 50 by GraphQL", [cost * 1000 for cost in costs["GraphQL"]], "ms"),
        spread("page of 50 by hand", [cost * 1000 for cost in costs["by hand"]], "ms"),
        spread("by hand / GraphQL", ratios, "", aim="> 0.25", note="processor time of the server"),
    ]


async def _starts(place: Place) -> list[Start]:
    connection = await asyncpg.connect(place.url)
    try:
        rows = await connection.fetch(
            "select requested_at, id from refund where not imported order by requested_at offset 60"
        )
    finally:
        await connection.close()
    starts = [(row["requested_at"], row["id"]) for row in rows]
    return random.Random(1).sample(starts, min(200, len(starts)))


def _graphql(server: Server) -> Ask:
    async def ask(start: Start) -> bytes:
        cursor = REFUNDS.cursor({"requested_at": start[0], "id": start[1]})  # type: ignore[arg-type] # as a row
        body = {"query": PAGE, "variables": {"after": cursor}}
        response = await server.http.post("/graphql", json=body, headers=server.headers)
        response.raise_for_status()
        return response.content

    return ask


def _by_hand(server: Server) -> Ask:
    async def ask(start: Start) -> bytes:
        place: dict[str, Any] = {"moment": start[0].isoformat(), "id": str(start[1])}
        response = await server.http.get("/by-hand", params=place, headers=server.headers)
        response.raise_for_status()
        return response.content

    return ask


async def _rounds(
    server: Server, ways: dict[str, Ask], starts: list[Start]
) -> dict[str, list[float]]:
    """Way -> processor seconds a page, one value for each round."""
    costs: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(_ROUNDS + 1):
        order = list(ways) if number % 2 else list(reversed(ways))
        for way in order:
            before = processor_seconds(server.process)
            for start in random.Random(number).choices(starts, k=_PAGES):
                await ways[way](start)
            if number:  # the first round warms up
                costs[way].append((processor_seconds(server.process) - before) / _PAGES)
    return costs
