"""A UI that knows nothing of refunds: it shows `nextSteps`, and sends what they say."""

from typing import Any

from graphql import GraphQLInputObjectType, get_named_type

from support import documents
from support.api import Api, key

Answer = dict[str, Any]
NEED = "name type required choices { value label }"
STEPS = f"""nextSteps {{ mutation step label consequence movesMoney reasonRequired blockedBecause
  needs {{ {NEED} fields {{ {NEED} fields {{ {NEED} }} }} }} }}"""


async def offered(by: Api, refund: Answer) -> list[Answer]:
    """The refund's next steps."""
    document = f"query Q($id: ID!) {{ refund(id: $id) {{ {STEPS} }} }}"
    steps: list[Answer] = (await by(document, id=refund["id"]))["refund"]["nextSteps"]
    return steps


def filled(needs: list[Answer]) -> Answer:
    """What a UI that knows nothing of refunds would send: the required inputs alone."""
    return {
        need["name"]: _value(need) for need in needs if need["required"] or need["name"] in _EXTRA
    }


_EXTRA = {"verdict", "amount", "purpose", "foundReasonTagId"}
"""Inputs without which a count, a file or a set of reasons says nothing."""


def _value(need: Answer) -> Any:
    if need["fields"]:
        inside = {name: value for name, value in filled(need["fields"]).items() if name != "amount"}
        if "verdict" in inside:
            inside["verdict"] = "ACCEPTED"
        return [inside] if need["type"].startswith("[") else inside
    if need["choices"]:
        return need["choices"][0]["value"]
    if need["name"] == "country":
        return "CN"
    return 1 if need["type"].startswith(("Int", "MinorUnits")) else "words"


def named(steps: list[Answer], step: str) -> Answer:
    """The one with this step."""
    [found] = [one for one in steps if one["step"] == step]
    return found


def labels_of(step: Answer, name: str) -> list[str]:
    """What people read where they choose the value of an input."""
    [need] = [one for one in step["needs"] if one["name"] == name]
    return [choice["label"] for choice in need["choices"]]


def _of(mutation: str, content: Answer) -> Answer:
    kind = get_named_type(documents.fields("Mutation")[mutation].args["input"].type)
    assert isinstance(kind, GraphQLInputObjectType)
    return {name: value for name, value in content.items() if name in kind.fields}


async def call(by: Api, mutation: str, content: Answer) -> str:
    """The code of the refusal; empty when it was done."""
    kind = get_named_type(documents.fields("Mutation")[mutation].args["input"].type)
    document = f"""mutation M($input: {kind}!) {{ result: {mutation}(input: $input) {{
        __typename ... on Problem {{ code }} }} }}"""
    answer = await by.post(document, input={**_of(mutation, content), "idempotencyKey": key()})
    body = answer.json()
    if errors := body.get("errors"):
        code: str = errors[0]["extensions"]["code"]
        return code
    return str(body["data"]["result"].get("code", ""))
