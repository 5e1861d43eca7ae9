"""The door for files: what comes in is what was announced, what goes out never runs."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from starlette.applications import Starlette
from support import album
from support.album import PDF, PNG, add, announce, row, send
from support.api import Api
from support.world import World, shipped

from refund_gql import app, clock, files, media
from refund_gql.app import Engine
from refund_gql.choices import EvidenceStatus
from refund_gql.errors import Unavailable
from refund_gql.models import new_id
from refund_gql.settings import Settings
from refund_gql.storage import Storage

Answer = dict[str, Any]


def box(brand: bytes) -> bytes:
    """The beginning of an ISO base media file."""
    return b"\0\0\0\x18ftyp" + brand + bytes(20)


@pytest.fixture
async def refund(world: World) -> Answer:
    """A refund that customer service looks at."""
    asked = await world.refund(world.customer, await world.order(shipments=shipped()))
    return await world.reaches(asked, "REVIEW")


@pytest.fixture
def folder(world: World, data: Path) -> Path:
    """Where the bytes of the world's shop lie."""
    return data / "files" / str(world.shop.id)


def stored(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


async def listed(by: Api, refund: Answer) -> list[Answer]:
    found: list[Answer] = (await by.refund(refund["id"], album.LISTED))["evidence"]
    return found


# --- what a file is ---------------------------------------------------------------------------

KNOWN = {
    "image/jpeg": b"\xff\xd8\xff\xe1\x00\x10Exif" + bytes(30),
    "image/png": PNG,
    "image/gif": b"GIF89a" + bytes(30),
    "image/webp": b"RIFF\x24\0\0\0WEBPVP8 " + bytes(30),
    "image/heic": box(b"heic"),
    "application/pdf": PDF,
    "video/mp4": box(b"isom"),
    "video/quicktime": box(b"qt  "),
}
FOREIGN = {
    "a page": b"<!DOCTYPE html><script>alert(1)</script>" + bytes(30),
    "a drawing": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "a page with a picture in it": b"<html>" + PNG,
    "a page that is a document further on": b"<html><!-- %PDF-1.7 -->" + bytes(30),
    "a program": b"MZ\x90\0" + bytes(100),
    "words": b"hello",
    "an image of a sort that is not taken": box(b"avif"),
    "the name of a picture, and no picture": b"\x89PNG\r\n\x1a\n<script>alert(1)</script>",
    "an archive": b"PK\x03\x04" + bytes(40),
}


@pytest.mark.parametrize("media_type", KNOWN)
def test_a_file_is_what_it_begins_with(media_type: str) -> None:
    assert media.sniff(KNOWN[media_type][: media.HEAD]) == media_type


def test_every_type_that_is_taken_is_tested() -> None:
    assert list(KNOWN) == list(media.KNOWN)


async def test_what_is_no_evidence_is_refused_whatever_it_is_called(
    world: World, refund: Answer, folder: Path
) -> None:
    said = {"content-type": "image/png"}
    for what, content in FOREIGN.items():
        upload = await announce(world.customer, refund, content, name="photo.png")
        response = await send(world.api, upload, content, headers=said)
        assert (response.status_code, response.json()["code"]) == (415, "WRONG_TYPE"), what
        assert (await row(upload["fileId"])).status is EvidenceStatus.PENDING, what
    assert (stored(folder), await listed(world.customer, refund)) == ([], [])


# --- in and out -------------------------------------------------------------------------------


async def test_an_image_is_shown_and_nothing_in_it_runs(world: World, refund: Answer) -> None:
    """A picture that is a page too: a browser is told that it is a picture, whatever it finds."""
    polyglot = PNG + b"<html><script>alert(document.domain)</script></html>"
    upload = await announce(world.customer, refund, polyglot, name="划痕.png")
    taken = await send(world.api, upload, polyglot, headers={"content-type": "text/html"})
    assert (taken.status_code, taken.json()) == (
        201,
        {
            "fileId": upload["fileId"],
            "mediaType": "image/png",
            "size": len(polyglot),
            "sha256": hashlib.sha256(polyglot).hexdigest(),
        },
    )
    [file] = await listed(world.agent, refund)
    response = await world.api.client.get(file["url"])
    assert (response.status_code, response.content) == (200, polyglot)
    assert dict(response.headers) == {
        "content-type": "image/png",
        "content-length": str(len(polyglot)),
        "content-disposition": 'inline; filename="__.png";'
        " filename*=UTF-8''%E5%88%92%E7%97%95.png",
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "private",
    }


async def test_what_is_no_image_is_saved_and_not_shown(world: World, refund: Answer) -> None:
    for content in KNOWN.values():
        await add(world.customer, refund, content, name="a.html")
    for file, media_type in zip(await listed(world.agent, refund), KNOWN, strict=True):
        response = await world.api.client.get(file["url"])
        assert (response.headers["content-type"], file["mediaType"]) == (media_type,) * 2
        how = response.headers["content-disposition"].partition(";")[0]
        assert how == ("inline" if media_type.startswith("image/") else "attachment")
        assert response.content == KNOWN[media_type]


async def test_the_largest_file_goes_through_in_pieces(world: World, refund: Answer) -> None:
    most = world.settings.file_max_bytes
    content = PNG + bytes(most - len(PNG))
    upload = await announce(world.customer, refund, content)

    async def pieces() -> AsyncIterator[bytes]:
        for begin in range(0, most, 1_000_000):
            yield content[begin : begin + 1_000_000]

    response = await send(world.api, upload, pieces())
    assert response.status_code == 201
    assert response.json()["sha256"] == hashlib.sha256(content).hexdigest()
    [file] = await listed(world.customer, refund)
    assert (await world.api.client.get(file["url"])).content == content


NAMES = {
    "../../etc/passwd.png": "passwd.png",
    "C:\\Users\\me\\photo.png": "photo.png",
    ".htaccess": "htaccess",
    'a"; filename="b.html': 'a"; filename="b.html',
    "a\r\nSet-Cookie: x=1.png": "aSet-Cookie: x=1.png",
    "保温杯 划痕.jpg": "保温杯 划痕.jpg",
    "a\u202egnp.exe": "agnp.exe",
}


async def test_a_name_is_neither_a_path_nor_a_header(world: World, refund: Answer) -> None:
    for name in NAMES:
        await add(world.customer, refund, name=name)
    for file, shown in zip(await listed(world.customer, refund), NAMES.values(), strict=True):
        assert file["name"] == shown
        response = await world.api.client.get(file["url"])
        said = response.headers["content-disposition"]
        assert (said.count('"'), said.isascii()) == (2, True)
        assert "set-cookie" not in response.headers


@pytest.mark.parametrize("name", ["", "  ", "..", "a/", "\u202e"])
async def test_a_file_has_a_name(world: World, refund: Answer, name: str) -> None:
    answer = await announce(world.customer, refund, name=name)
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "name"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a b.png", "inline; filename=\"a b.png\"; filename*=UTF-8''a%20b.png"),
        ('"\\\r\n.png', "inline; filename=\"____.png\"; filename*=UTF-8''%22%5C%0D%0A.png"),
        ("é%;'.png", "inline; filename=\"____.png\"; filename*=UTF-8''%C3%A9%25%3B%27.png"),
    ],
)
def test_a_disposition_is_what_rfc_6266_says(name: str, said: str) -> None:
    assert files.disposition(name, "image/png") == said


# --- not what was announced -------------------------------------------------------------------


async def chunked(content: bytes) -> AsyncIterator[bytes]:
    """Sent without saying how long it is."""
    yield content[:50]
    yield content[50:]


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(
    ("extra", "status", "code"), [(1, 413, "TOO_LONG"), (-1, 400, "TOO_SHORT")]
)
async def test_another_size_than_announced_is_refused_and_can_be_made_good(
    world: World,
    refund: Answer,
    folder: Path,
    declared: bool,
    extra: int,
    status: int,
    code: str,
) -> None:
    upload = await announce(world.customer, refund, PNG)
    wrong = PNG + b"!" if extra > 0 else PNG[:extra]
    response = await send(world.api, upload, wrong if declared else chunked(wrong))
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert (stored(folder), await listed(world.customer, refund)) == ([], [])
    assert (await send(world.api, upload, PNG)).status_code == 201
    assert [file.read_bytes() for file in stored(folder)] == [PNG]


async def test_more_than_any_file_may_have_is_not_read_to_its_end(
    world: World, refund: Answer, folder: Path
) -> None:
    upload = await announce(world.customer, refund, PNG)
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield PNG[:100]

    response = await send(world.api, upload, endless())
    assert response.status_code == 413
    assert read <= len(PNG) // 100 + 2
    assert stored(folder) == []


async def test_of_two_uploads_with_one_ticket_one_counts(
    world: World, refund: Answer, folder: Path
) -> None:
    upload = await announce(world.customer, refund, PNG)
    other = PNG[:-1] + b"2"
    responses = await asyncio.gather(
        *(send(world.api, upload, content) for content in (PNG, other, PNG, other))
    )
    assert sorted(response.status_code for response in responses) == [201, 409, 409, 409]
    [won] = [response for response in responses if response.status_code == 201]
    [file] = stored(folder)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == won.json()["sha256"]
    seen = await world.customer.refund(refund["id"])
    assert [entry["type"] for entry in seen["timeline"]].count("EVIDENCE_ADDED") == 1
    again = await send(world.api, upload, PNG)
    assert (again.status_code, again.json()["code"]) == (409, "NOT_AWAITED")
    assert stored(folder) == [file]


async def test_whoever_hangs_up_in_the_middle_leaves_nothing(
    world: World, refund: Answer, folder: Path, engine: Engine
) -> None:
    upload = await announce(world.customer, refund, PNG)
    begun = {"type": "http.request", "body": PNG[:100], "more_body": True}
    await put(app.create_app(engine), upload["uploadUrl"], [begun, {"type": "http.disconnect"}])
    assert (stored(folder), await listed(world.customer, refund)) == ([], [])
    assert (await row(upload["fileId"])).status is EvidenceStatus.PENDING
    assert (await send(world.api, upload, PNG)).status_code == 201


async def put(application: Starlette, url: str, messages: Sequence[Answer]) -> list[Answer]:
    """What the application sends when these messages reach it."""
    coming, answered = list(messages), []

    async def receive() -> Answer:
        return coming.pop(0)

    async def answer(message: Any) -> None:
        answered.append(message)

    parts = urlsplit(url)
    scope = {
        "type": "http",
        "method": "PUT",
        "path": parts.path,
        "query_string": parts.query.encode(),
        "headers": [],
    }
    await application(scope, receive, answer)
    return answered


async def test_an_upload_that_takes_too_long_is_given_up(
    world: World, refund: Answer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LONGEST_UPLOAD", timedelta(seconds=0.05))
    upload = await announce(world.customer, refund, PNG)

    async def stuck() -> AsyncIterator[bytes]:
        yield PNG[:100]
        await asyncio.Event().wait()

    response = await send(world.api, upload, stuck())
    assert (response.status_code, response.json()["code"]) == (408, "TOO_SLOW")
    assert stored(folder) == []


# --- tickets ----------------------------------------------------------------------------------


async def test_without_a_good_ticket_there_is_no_such_file(
    world: World, refund: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expired, of another file, of another method, changed, none: the same as no file at all."""
    await add(world.customer, refund)
    awaited = await announce(world.customer, refund)
    [file] = await listed(world.customer, refund)
    path, ticket = file["url"].split("?ticket=")
    other_path, other = awaited["uploadUrl"].split("?ticket=")
    end, _, signature = ticket.partition(".")
    missing = f"/files/{new_id()}"
    client = world.api.client
    for url in (
        missing,
        f"{missing}?ticket={ticket}",
        path,
        f"{path}?ticket=",
        f"{path}?ticket={other}",
        f"{path}?ticket={int(end) + 1}.{signature}",
        f"{path}?ticket={end}.{'0' * 64}",
        f"{path}?ticket={end}.é",
        f"{path}?ticket={'9' * 30}.{signature}",
        f"{other_path}?ticket={ticket}",
    ):
        assert same_as_none(await client.get(url)), url
        assert same_as_none(await client.put(url, content=PNG)), url
    assert same_as_none(await client.put(file["url"], content=PNG))
    assert same_as_none(await client.get(awaited["uploadUrl"]))
    later = clock.now() + timedelta(minutes=16)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        assert same_as_none(await client.get(file["url"]))
        assert same_as_none(await send(world.api, awaited, PNG))
    assert (await client.get(file["url"])).content == PNG
    assert (await client.get("/files/1")).status_code == 404


def same_as_none(response: httpx2.Response) -> bool:
    return (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")


async def test_the_door_speaks_both_languages(world: World) -> None:
    url, words = f"/files/{new_id()}", []
    for locale in ("zh-CN", "en-GB"):
        response = await world.api.client.get(url, headers={"accept-language": locale})
        words.append(response.json()["message"])
    assert words == [
        "文件不存在或链接已过期，请重新获取",
        "There is no such file, or the address has expired: ask for a fresh one",
    ]


# --- the store --------------------------------------------------------------------------------


async def test_a_store_that_is_away_is_said_and_changes_nothing(
    world: World, refund: Answer, settings: Settings
) -> None:
    away = Storage(LocalFileSystem(), "/dev/null/nowhere")
    application = Starlette(routes=files.routes(away, settings))
    transport = httpx2.ASGITransport(app=application)
    upload = await announce(world.customer, refund)
    await add(world.customer, refund)
    [file] = await listed(world.customer, refund)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        for response in (
            await client.put(upload["uploadUrl"], content=PNG),
            await client.get(file["url"]),
        ):
            assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert (await row(upload["fileId"])).status is EvidenceStatus.PENDING
    assert (await send(world.api, upload, PNG)).status_code == 201


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_any_store_that_fsspec_knows_will_do() -> None:
    store = Storage(MemoryFileSystem(), f"/{new_id()}")
    shop, other = str(new_id()), str(new_id())
    first, second = f"{shop}/{new_id()}", f"{shop}/{new_id()}"
    await store.write(first, pieces(b"one", b"two"))
    await store.write(second, pieces(b"three"))
    assert b"".join([block async for block in await store.read(first)]) == b"onetwo"
    assert sorted(await store.keys(shop)) == sorted([first, second])
    assert await store.keys(other) == []
    await store.delete(first)
    await store.delete(first)
    assert await store.keys(shop) == [second]
    with pytest.raises(Unavailable):
        await store.read(first)


async def test_what_fails_half_way_is_not_kept() -> None:
    store, shop = Storage(MemoryFileSystem(), f"/{new_id()}"), str(new_id())

    async def broken() -> AsyncIterator[bytes]:
        yield b"one"
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        await store.write(f"{shop}/{new_id()}", broken())
    assert await store.keys(shop) == []


def test_files_are_for_nobody_else_on_this_machine(engine: Engine, data: Path) -> None:
    assert (data / "files").stat().st_mode & 0o777 == 0o700
