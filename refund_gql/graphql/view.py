"""GraphQL over HTTP: strict about what comes in, exact about what goes out.

Whatever a caller can send gets a 4xx or a GraphQL error that says what to do. An unexpected
error is masked, logged once with an incident id, and answered with that id.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any, cast

import orjson
import structlog
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.types import ExecutionResult

from refund_gql.auth import Viewer, authenticate
from refund_gql.errors import Unavailable
from refund_gql.graphql.context import Context
from refund_gql.graphql.schema import Schema
from refund_gql.registry import Providers
from refund_gql.settings import Settings

MAX_BODY = 2_000_000
"""Bytes; an upsert of 250 orders fits."""

MAX_ERRORS = 20
"""In one answer; who gets so many has enough to do."""

_JSON = "application/json"
_GRAPHQL_JSON = "application/graphql-response+json"
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The JSON escape of NUL, after an even number of backslashes. Half surrogates orjson refuses."""
_STATUS = {"UNAUTHENTICATED": 401, "UNAVAILABLE": 503}
_log = structlog.get_logger(__name__)


class View(GraphQL[Context, None]):
    """The endpoint."""

    def __init__(self, schema: Schema, settings: Settings, providers: Providers) -> None:
        super().__init__(schema, graphql_ide=None)
        self._settings, self._providers = settings, providers

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Context:
        viewer = await self._viewer(request)
        locale = _locale(request.headers.get("accept-language", ""), viewer)
        return Context(
            viewer=viewer, locale=locale, settings=self._settings, providers=self._providers
        )

    async def _viewer(self, request: Request | WebSocket) -> Viewer | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            return await authenticate(token.strip(), self._settings)
        except Unavailable as error:
            raise HTTPException(503, "The database cannot be reached; try again") from error

    # --- in -----------------------------------------------------------------------------------

    def decode_json(self, data: str | bytes) -> object:
        try:
            content = orjson.loads(data)
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, f"The body is not JSON: {str(error)[:200]}") from error
        raw = data if isinstance(data, bytes) else data.encode(errors="surrogatepass")
        if _NUL.search(raw):
            raise HTTPException(400, "The body has a text with a NUL character")
        return content

    async def parse_http_body(
        self, request: AsyncHTTPRequestAdapter
    ) -> GraphQLRequestData | list[GraphQLRequestData]:
        if request.method == "GET":
            # A form, an image or a link never sends this header: no cross-site reads.
            if "json" not in request.headers.get("accept", ""):
                raise HTTPException(406, f"A query by GET needs `Accept: {_JSON}`")
        else:
            media_type = (request.content_type or "").partition(";")[0].strip().lower()
            if media_type != _JSON:
                raise HTTPException(415, f"Send the operation as {_JSON}")
            _check_shape(self.parse_json(await request.get_body()))
        return await super().parse_http_body(request)

    # --- out ----------------------------------------------------------------------------------

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)

    async def process_result(
        self, request: Request, result: ExecutionResult
    ) -> GraphQLHTTPResponse:
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            errors = result.errors[:MAX_ERRORS]
            answer["errors"] = [_public(error) for error in errors]
            before_running = all(error.path is None for error in errors)
            if result.data is None and before_running:
                del answer["data"]
        request.state.status = _status(request, answer)
        return cast(GraphQLHTTPResponse, answer)

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        return Response(self.encode_json(response_data), media_type=_JSON)

    async def answer(self, request: Request) -> Response:
        """The response to one request."""
        try:
            response: Response = await self.run(request)
        except HTTPException as error:
            response = PlainTextResponse(error.reason, status_code=error.status_code)
        response.headers["cache-control"] = "no-store"
        response.status_code = getattr(request.state, "status", response.status_code)
        if response.status_code == 503:
            response.headers["retry-after"] = str(Unavailable.retry_after_seconds)
        if response.media_type == _JSON and _GRAPHQL_JSON in request.headers.get("accept", ""):
            response.headers["content-type"] = _GRAPHQL_JSON
        return response


def _locale(header: str, viewer: Viewer | None) -> str:
    wanted = header.strip()[:2].lower()
    if wanted in ("zh", "en"):
        return wanted
    return viewer.locale if viewer else "zh"


def _check_shape(content: object) -> None:
    if not isinstance(content, dict):
        raise HTTPException(400, "The body must be an object with `query`")
    if not isinstance(content.get("operationName"), str | None):
        raise HTTPException(400, "`operationName` must be a string or null")


def _public(error: GraphQLError) -> Mapping[str, Any]:
    """The error as callers may see it."""
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError):
        return error.formatted
    if isinstance(cause, Unavailable):
        return _replaced(error, "The database cannot be reached; try again", "UNAVAILABLE")
    incident = secrets.token_hex(6)
    _log.error("unexpected error", incident=incident, path=error.path, exc_info=cause)
    return _replaced(error, f"Unexpected error; incident {incident}", "INTERNAL")


def _replaced(error: GraphQLError, message: str, code: str) -> Mapping[str, Any]:
    return {**error.formatted, "message": message, "extensions": {"code": code}}


def _status(request: Request, answer: Mapping[str, Any]) -> int:
    errors = answer.get("errors", ())
    for error in errors:
        code = error.get("extensions", {}).get("code")
        if answer.get("data") is None and code in _STATUS:
            return _STATUS[code]
    request_error = errors and "data" not in answer
    strict = _GRAPHQL_JSON in request.headers.get("accept", "")
    return 400 if request_error and strict else 200
