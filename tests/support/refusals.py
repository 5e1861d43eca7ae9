"""Refused, exactly so, and nothing has changed."""

from typing import Any
from uuid import UUID

from support import documents
from support.api import Api
from support.snapshot import snapshot

Answer = dict[str, Any]
_BESIDE = {"idempotency_key", "care_entry", "care_refund"}


async def refused(shop_id: UUID, by: Api, mutation: str, content: Answer) -> Answer:
    """The problem a mutation answers with, having changed no row of the shop.

    An idempotency key may have been kept with its refusal, and a job may put the customer of a
    refund that was paid just before onto the care list.
    """
    before = await snapshot(shop_id, without=_BESIDE)
    result = await mutate(by, mutation, content)
    assert "code" in result, (mutation, content, result)
    assert await snapshot(shop_id, without=_BESIDE) == before, (mutation, content)
    return result


async def mutate(by: Api, mutation: str, content: Answer, more: str = "") -> Answer:
    """The result of a mutation, whatever it is; `content` gets a key if it has none."""
    text = documents.mutation(mutation, more)
    result: Answer = (await by(text, **documents.variables(mutation, content)))["result"]
    return result


async def unreadable(shop_id: UUID, by: Api, mutation: str, content: Answer) -> list[str]:
    """The messages for variables that have not even the right type; nothing ran."""
    before = await snapshot(shop_id)
    text, variables = documents.mutation(mutation), documents.variables(mutation, content)
    response = await by.post(text, **variables)
    answer = response.json()
    assert (response.status_code, answer.keys()) == (200, {"errors"}), (content, answer)
    assert not any("extensions" in error for error in answer["errors"]), answer
    assert await snapshot(shop_id) == before
    return [error["message"] for error in answer["errors"]]


def invalid(path: str, found: str) -> Answer:
    """InvalidInput about a field of the input."""
    return {
        "__typename": "InvalidInput",
        "code": "INVALID_INPUT",
        "path": ["input", *path.split(".")],
        "found": found,
    }


def not_found(kind: str) -> Answer:
    """NotFound."""
    return {"__typename": "NotFound", "code": "NOT_FOUND", "path": [], "objectType": kind}


def exceeds(maximum: int, currency: str = "CNY") -> Answer:
    """ExceedsRefundable."""
    return {
        "__typename": "ExceedsRefundable",
        "code": "EXCEEDS_REFUNDABLE",
        "path": [],
        "maximumRefundable": {"amount": maximum, "currency": currency},
    }


def not_refundable(reason: str) -> Answer:
    """NotRefundable."""
    return {
        "__typename": "NotRefundable",
        "code": "NOT_REFUNDABLE",
        "path": [],
        "reason": reason,
    }


def not_allowed(reason: str) -> Answer:
    """NotAllowed."""
    return {"__typename": "NotAllowed", "code": "NOT_ALLOWED", "path": [], "reason": reason}
