"""The real door: GraphQL over HTTP."""

from typing import Any
from uuid import uuid4

import httpx2

REFUND = """
  id number status kind version amount { amount currency } rejection
  payouts { id number status amount { amount currency } superseded }
  timeline { version type status actorKind }
  lines { id sku quantity amount { amount } worth { amount } }
  splitInto { id status amount { amount } }
"""
STAFF_ONLY = "stuckReason payouts { code parkedReason attempts { number call outcome code } }"
"""What `Refund` tells staff in addition."""
PROBLEM = "__typename ... on Problem { code message path }"


class Api:
    """A client with one token."""

    def __init__(self, client: httpx2.AsyncClient, token: str | None = None) -> None:
        self.client = client
        self.token = token

    def with_token(self, token: str | None) -> "Api":
        return Api(self.client, token)

    async def post(self, query: str, **variables: Any) -> httpx2.Response:
        """One request; the raw response."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        body = {"query": query, "variables": variables}
        return await self.client.post("/graphql", json=body, headers=headers)

    async def __call__(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation that has no errors."""
        response = await self.post(query, **variables)
        answer = response.json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def errors(self, query: str, **variables: Any) -> list[dict[str, Any]]:
        """The errors of an operation that has some."""
        errors: list[dict[str, Any]] = (await self.post(query, **variables)).json()["errors"]
        return errors

    async def mutate(
        self, name: str, input: dict[str, Any], selection: str = REFUND, *, on: str = "Refund"
    ) -> dict[str, Any]:
        """The result of a mutation that takes `input`: the object, or the problem."""
        kind = name[0].upper() + name[1:] + "Input"
        if name in ("refundCancel", "returnReceive"):
            kind = "RefundStepInput"
        if name == "orderUpsert":
            kind = "OrderInput"
        query = f"""mutation M($input: {kind}!) {{ result: {name}(input: $input) {{
            {PROBLEM} ... on {on} {{ {selection} }}
            ... on IllegalStep {{ allowedNext }}
            ... on ExceedsRefundable {{ maximumRefundable {{ amount currency }} }}
        }} }}"""
        if on != "Refund":
            query = f"""mutation M($input: {kind}!) {{ result: {name}(input: $input) {{
                {PROBLEM} ... on {on} {{ {selection} }} }} }}"""
        result: dict[str, Any] = (await self(query, input=input))["result"]
        return result

    async def request(self, name: str, input: dict[str, Any]) -> dict[str, Any]:
        """`refundRequest`, whose problems differ from those of the steps."""
        query = f"""mutation M($input: RefundRequestInput!) {{ result: {name}(input: $input) {{
            {PROBLEM} ... on Refund {{ {REFUND} }}
            ... on ExceedsRefundable {{ maximumRefundable {{ amount currency }} }}
            ... on StaleBalance {{ maximumRefundable {{ amount currency }} }}
            ... on NotRefundable {{ reason }} ... on NotAllowed {{ reason }}
        }} }}"""
        result: dict[str, Any] = (await self(query, input=input))["result"]
        return result

    async def refund(self, id: str, more: str = "") -> dict[str, Any]:
        """One refund as it is now."""
        data = await self(f"query R($id: ID!) {{ refund(id: $id) {{ {REFUND} {more} }} }}", id=id)
        refund: dict[str, Any] = data["refund"]
        return refund


def key() -> str:
    """A fresh idempotency key."""
    return uuid4().hex
