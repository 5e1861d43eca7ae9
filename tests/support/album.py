"""Files that people show: made in memory, announced through the API, sent to the door."""

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2

from refund_gql import ids
from refund_gql.models import EvidenceFile
from support.api import Api, key

Answer = dict[str, Any]

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(200)
PDF = b"%PDF-1.7\n" + bytes(100)

START = """mutation M($input: EvidenceUploadStartInput!) {
    result: evidenceUploadStart(input: $input) { __typename
        ... on EvidenceUpload { fileId uploadUrl expiresAt file { status mediaType url } }
        ... on Problem { code message path } ... on InvalidInput { found expected } } }"""
REMOVE = """mutation M($input: EvidenceRemoveInput!) { result: evidenceRemove(input: $input) {
    __typename ... on EvidenceFile { status url removedAt } ... on Problem { code path }
    ... on NotAllowed { reason } } }"""
LISTED = "evidence { id name mediaType size purpose uploadedAt uploaderKind url }"


async def announce(by: Api, refund: Answer, content: bytes = PNG, **changes: Any) -> Answer:
    """The answer to an announcement, whatever it is."""
    said = {"refundId": refund["id"], "name": "photo.png", "size": len(content), **changes}
    result: Answer = (await by(START, input={"idempotencyKey": key(), **said}))["result"]
    return result


async def send(by: Api, upload: Answer, content: Any, **more: Any) -> httpx2.Response:
    """Send the bytes to the address that was answered, without a token."""
    return await by.client.put(upload["uploadUrl"], content=content, **more)


async def add(by: Api, refund: Answer, content: bytes = PNG, **changes: Any) -> str:
    """Announce and send a file; its id."""
    upload = await announce(by, refund, content, **changes)
    response = await send(by, upload, content)
    assert response.status_code == 201, response.text
    found: str = upload["fileId"]
    return found


async def remove(by: Api, file_id: str) -> Answer:
    """The answer to taking a file back."""
    said = {"fileId": file_id, "idempotencyKey": key()}
    result: Answer = (await by(REMOVE, input=said))["result"]
    return result


async def row(file_id: str) -> EvidenceFile:
    """The file's row."""
    return await EvidenceFile.get(id=ids.required("id", file_id, "EvidenceFile"))


def path_id(upload: Answer) -> UUID:
    """The id in an upload's address."""
    return UUID(urlsplit(upload["uploadUrl"]).path.rpartition("/")[2])
