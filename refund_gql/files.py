"""The door for files: `PUT /files/{id}` takes one in, `GET /files/{id}` gives it out.

Both need a ticket (see `tickets`), which GraphQL hands out to whoever may have it; without one,
nobody learns whether there is such a file. A body is counted, hashed and looked at while it
streams through to the store, never held as a whole. What goes out can be looked at or saved, and
never runs: its type is what it was found to be, and a page around it gets no rights.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from refund_gql import ids, media
from refund_gql.choices import EvidenceStatus
from refund_gql.errors import Refusal, Unavailable
from refund_gql.flow import evidence
from refund_gql.flow.evidence import Arrived, NotAwaited
from refund_gql.models import EvidenceFile, new_id
from refund_gql.settings import Settings
from refund_gql.storage import Storage

LONGEST_UPLOAD = timedelta(minutes=10)
"""An upload that takes longer is given up."""

_TEXTS: dict[str, tuple[int, dict[str, str]]] = {
    "NOT_FOUND": (
        404,
        {
            "en": "There is no such file, or the address has expired: ask for a fresh one",
            "zh": "文件不存在或链接已过期，请重新获取",
        },
    ),
    "TOO_SLOW": (
        408,
        {
            "en": "The upload took too long: send it again",
            "zh": "上传超时，请重新上传",
        },
    ),
    "NOT_AWAITED": (
        409,
        {
            "en": "The file has been uploaded already: announce another one",
            "zh": "该文件已上传，如需上传其他文件请重新申请",
        },
    ),
    "TOO_SHORT": (
        400,
        {
            "en": "Fewer bytes came than were announced: send the whole file again",
            "zh": "收到的内容少于申报大小，请重新上传完整文件",
        },
    ),
    "TOO_LONG": (
        413,
        {
            "en": "More bytes came than were announced: announce the file's own size",
            "zh": "收到的内容超过申报大小，请按文件实际大小重新申请",
        },
    ),
    "WRONG_TYPE": (
        415,
        {
            "en": "Send a JPEG, PNG, WebP, HEIC or GIF image, a PDF, or an MP4 or MOV video",
            "zh": "仅支持 JPEG、PNG、WebP、HEIC、GIF 图片，PDF，以及 MP4、MOV 视频",
        },
    ),
    "UNAVAILABLE": (
        503,
        {"en": "Not possible at the moment: try again", "zh": "暂时无法处理，请稍后重试"},
    ),
}
"""Code -> HTTP status, and what people read."""

_SAFE = {
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "private",
}
_UNQUOTED = "!#$&+-.^_`|~"
"""What RFC 8187 leaves as it is, beside letters and digits."""


class _Refused(Exception):
    """The body is not what was announced, or nothing that is taken in."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def routes(store: Storage, settings: Settings) -> list[Route]:
    """The two doors."""
    door = _Door(store=store, settings=settings)
    most = settings.file_max_bytes
    return [
        Route("/files/{id:uuid}", door.take_in, methods=["PUT"], max_body_size=most),
        Route("/files/{id:uuid}", door.give_out, methods=["GET"]),
    ]


@dataclass(frozen=True, kw_only=True)
class _Door:
    store: Storage
    settings: Settings

    async def take_in(self, request: Request) -> Response:
        """201 once the file is the refund's; anything else leaves it as it was."""
        try:
            file = await self._admitted(request)
            if file.status is not EvidenceStatus.PENDING:
                raise NotAwaited
            arrived = await self._stream(request, file)
            await self._keep(file, arrived)
        except _Refused as error:
            return _refused(request, error.code)
        except NotAwaited:
            return _refused(request, "NOT_AWAITED")
        except TimeoutError:
            return _refused(request, "TOO_SLOW")
        except Refusal as refusal:
            content = {"code": refusal.code, "message": refusal.message(_locale(request))}
            return JSONResponse(content, status_code=409)
        except (Unavailable, ClientDisconnect):
            return _refused(request, "UNAVAILABLE")
        return _taken(file, arrived)

    async def give_out(self, request: Request) -> Response:
        """The file, to be looked at where it is an image, and saved where it is not."""
        try:
            file = await self._admitted(request)
            if file.status is not EvidenceStatus.STORED:
                return _refused(request, "NOT_FOUND")
            assert file.key is not None, "the database says so"
            assert file.media_type is not None, "and that"
            blocks = await self.store.read(file.key)
        except _Refused as error:
            return _refused(request, error.code)
        except Unavailable:
            return _refused(request, "UNAVAILABLE")
        shown = {"content-disposition": disposition(file.name, file.media_type)}
        headers = {**_SAFE, **shown, "content-length": str(file.size)}
        return StreamingResponse(blocks, media_type=file.media_type, headers=headers)

    async def _admitted(self, request: Request) -> EvidenceFile:
        file_id: UUID = request.path_params["id"]
        method = "GET" if request.method == "HEAD" else request.method
        ticket = request.query_params.get("ticket", "")
        file = await evidence.find(self.settings, file_id, method, ticket)
        if file is None:
            raise _Refused("NOT_FOUND")
        return file

    async def _stream(self, request: Request, file: EvidenceFile) -> Arrived:
        """The body, in the store under a key of its own."""
        body, key = _Body(expected=file.size), f"{file.shop_id}/{new_id()}"
        body.refuse_length(request.headers.get("content-length"))
        async with asyncio.timeout(LONGEST_UPLOAD.total_seconds()):
            await self.store.write(key, body.through(request.stream()))
        assert body.media_type is not None, "a body without a type is refused"
        return Arrived(key=key, media_type=body.media_type, sha256=body.digest.hexdigest())

    async def _keep(self, file: EvidenceFile, arrived: Arrived) -> None:
        try:
            await evidence.keep(self.settings, file, arrived)
        except (NotAwaited, Refusal):
            # Refused for certain. Of a commit that was cut off nobody knows: then the bytes stay,
            # and are swept if no row names them.
            await self.store.delete(arrived.key)
            raise


@dataclass(kw_only=True)
class _Body:
    """What streams through: counted, hashed, looked at, and refused as soon as it is wrong."""

    expected: int
    """Bytes that were announced."""
    size: int = 0
    head: bytes = b""
    media_type: str | None = None
    digest: Any = field(default_factory=hashlib.sha256)

    def refuse_length(self, declared: str | None) -> None:
        """Refuse at once what says itself that it is too long."""
        if declared is not None and declared.isdecimal() and int(declared) > self.expected:
            raise _Refused("TOO_LONG")

    async def through(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same bytes. Raises _Refused."""
        async for chunk in chunks:
            self.size += len(chunk)
            if self.size > self.expected:
                raise _Refused("TOO_LONG")
            if self.media_type is None:
                self.head += chunk[: media.HEAD]
                self._look(whole=False)
            self.digest.update(chunk)
            yield chunk
        if self.size < self.expected:
            raise _Refused("TOO_SHORT")
        self._look(whole=True)

    def _look(self, *, whole: bool) -> None:
        if self.media_type is None and (whole or len(self.head) >= media.HEAD):
            self.media_type = media.sniff(self.head)
            if self.media_type is None:
                raise _Refused("WRONG_TYPE")


# --- what is answered -------------------------------------------------------------------------


def disposition(name: str, media_type: str) -> str:
    """Content-Disposition after RFC 6266: the name in plain letters for the oldest readers, and
    as it is, percent-encoded, for all others. Nothing in a name ends the header or its quotes."""
    how = "inline" if media.is_image(media_type) else "attachment"
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_. ") else "_" for c in name)
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_UNQUOTED)}"


def _taken(file: EvidenceFile, arrived: Arrived) -> Response:
    content = {
        "fileId": ids.encode("EvidenceFile", file.id),
        "mediaType": arrived.media_type,
        "size": file.size,
        "sha256": arrived.sha256,
    }
    return JSONResponse(content, status_code=201)


def _refused(request: Request, code: str) -> Response:
    status, texts = _TEXTS[code]
    headers = {"retry-after": str(Unavailable.retry_after_seconds)} if status == 503 else {}
    content = {"code": code, "message": texts[_locale(request)]}
    return JSONResponse(content, status_code=status, headers=headers)


def _locale(request: Request) -> str:
    wanted = request.headers.get("accept-language", "").strip()[:2].lower()
    return wanted if wanted in ("zh", "en") else "zh"
