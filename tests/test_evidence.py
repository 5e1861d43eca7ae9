"""Files of evidence: who may add which, who sees them, and what becomes of them."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from support import album
from support.album import PNG, add, announce, remove, row, send
from support.api import Api, key
from support.world import World, eventually, make_world, shipped, staff_token

from refund_gql import clock, database, ids
from refund_gql.app import Engine
from refund_gql.auth import system
from refund_gql.backoffice import staff
from refund_gql.catalogue import customers
from refund_gql.catalogue.customers import CustomerFacts
from refund_gql.choices import EvidencePurpose, EvidenceStatus
from refund_gql.flow import leftovers
from refund_gql.models import Event, EvidenceFile, new_id
from refund_gql.roles import Role
from refund_gql.settings import Settings

Answer = dict[str, Any]


@pytest.fixture
async def refund(world: World) -> Answer:
    """A refund that customer service looks at."""
    return await in_review(world)


async def in_review(world: World) -> Answer:
    asked = await world.refund(world.customer, await world.order(shipments=shipped()))
    return await world.reaches(asked, "REVIEW")


async def other_customer(world: World) -> Api:
    """C-2 of the same shop."""
    root = system(world.shop.id)
    facts = CustomerFacts(reference="C-2", name="李华", locale="zh")
    await customers.upsert_customer(type(root)(shop_id=world.shop.id, role=Role.OWNER), facts)
    session = await staff.create_customer_session(root, world.settings, customer_reference="C-2")
    return world.api.with_token(session.text)


async def listed(by: Api, refund: Answer) -> list[Answer]:
    found: list[Answer] = (await by.refund(refund["id"], album.LISTED))["evidence"]
    return found


async def types(refund: Answer) -> list[str]:
    events = Event.filter(refund_id=ids.required("id", refund["id"], "Refund"))
    return [event.type.value for event in await events.order_by("version")]


# --- adding -----------------------------------------------------------------------------------


async def test_what_a_customer_shows_is_there_for_whoever_decides(
    world: World, refund: Answer
) -> None:
    upload = await announce(world.customer, refund, name="破损.png", purpose="REQUEST")
    assert upload["file"] == {"status": "PENDING", "mediaType": None, "url": None}
    assert await listed(world.agent, refund) == []
    assert await types(refund) == ["REQUESTED", "SENT_TO_REVIEW"]
    assert (await send(world.api, upload, PNG)).status_code == 201
    [file] = await listed(world.agent, refund)
    assert {**file, "url": "", "uploadedAt": ""} == {
        "id": upload["fileId"],
        "name": "破损.png",
        "mediaType": "image/png",
        "size": len(PNG),
        "purpose": "REQUEST",
        "uploadedAt": "",
        "uploaderKind": "CUSTOMER",
        "url": "",
    }
    added = await Event.filter(
        refund_id=ids.required("id", refund["id"], "Refund"), type="EVIDENCE_ADDED"
    ).get()
    file_id = str(ids.required("id", upload["fileId"], "EvidenceFile"))
    assert added.payload == {"file": file_id, "purpose": "REQUEST", "size": len(PNG)}
    assert (added.actor.partition(":")[0], added.actor_name) == ("CUSTOMER", "王小明")


async def test_the_same_key_gives_the_same_address(world: World, refund: Answer) -> None:
    once: Answer = {"idempotencyKey": key()}
    first = await announce(world.customer, refund, **once)
    assert await announce(world.customer, refund, **once) == first
    conflict = await announce(world.customer, refund, name="other.png", **once)
    assert conflict["code"] == "IDEMPOTENCY_CONFLICT"
    assert await EvidenceFile.filter(shop_id=world.shop.id).count() == 1


@pytest.mark.parametrize("size", [0, -1, 10 * 1024 * 1024 + 1])
async def test_a_file_of_no_size_or_too_large_a_one_is_refused_at_once(
    world: World, refund: Answer, size: int
) -> None:
    answer = await announce(world.customer, refund, size=size)
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "size"])
    assert not await EvidenceFile.filter(shop_id=world.shop.id).exists()


async def test_a_refund_holds_twenty_files_announced_ones_included(
    world: World, refund: Answer
) -> None:
    uploads = [await announce(world.customer, refund) for _ in range(20)]
    full = await announce(world.customer, refund)
    assert (full["code"], full["found"]) == ("INVALID_INPUT", "20 files")
    for upload in uploads[:19]:
        assert (await send(world.api, upload, PNG)).status_code == 201
    assert (await announce(world.agent, refund))["code"] == "INVALID_INPUT"
    assert (await remove(world.customer, uploads[0]["fileId"]))["status"] == "REMOVED"
    assert (await announce(world.agent, refund))["__typename"] == "EvidenceUpload"


async def test_of_two_announcements_of_the_last_file_one_counts(
    world: World, refund: Answer
) -> None:
    for _ in range(19):
        await announce(world.customer, refund)
    answers = await asyncio.gather(*(announce(world.customer, refund) for _ in range(3)))
    names = sorted(answer["__typename"] for answer in answers)
    assert names == ["EvidenceUpload", "InvalidInput", "InvalidInput"]


async def test_a_slow_upload_does_not_make_a_refund_overfull(world: World, refund: Answer) -> None:
    """Its ticket ended while it was under way, and others took the places."""
    late = await announce(world.customer, refund)
    await EvidenceFile.filter(shop_id=world.shop.id).update(expires_at=clock.now())
    for _ in range(20):
        await add(world.customer, refund)
    # The address holds its own end, as an upload that began in time would not look again.
    response = await send(world.api, late, PNG)
    assert (response.status_code, response.json()["code"]) == (409, "INVALID_INPUT")
    assert len(await listed(world.customer, refund)) == 20


async def test_what_is_over_takes_no_more_files_but_the_warehouse_s(
    world: World, refund: Answer
) -> None:
    upload = await announce(world.customer, refund)
    step = {"refundId": refund["id"], "idempotencyKey": key()}
    await world.customer.mutate("refundCancel", step)
    assert (await announce(world.customer, refund))["found"] == "CANCELLED"
    response = await send(world.api, upload, PNG)
    assert (response.status_code, response.json()["code"]) == (409, "INVALID_INPUT")
    await add(world.warehouse, refund, purpose="INSPECTION")
    assert (await types(refund))[2:] == ["CANCELLED", "EVIDENCE_ADDED"]


# --- who --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "possible"),
    [
        (Role.CUSTOMER, {"REQUEST", "EVIDENCE"}),
        (Role.SERVICE, {"REQUEST", "EVIDENCE"}),
        (Role.AGENT, {"REQUEST", "EVIDENCE"}),
        (Role.WAREHOUSE, {"INSPECTION"}),
        (Role.OWNER, {"REQUEST", "EVIDENCE", "INSPECTION"}),
    ],
)
async def test_who_may_show_what(
    world: World, refund: Answer, role: Role, possible: set[str]
) -> None:
    for purpose in EvidencePurpose:
        answer = await announce(world.as_(role), refund, purpose=purpose.value)
        allowed = "EvidenceUpload" if purpose.value in possible else "InvalidInput"
        assert answer["__typename"] == allowed, purpose


async def test_what_the_warehouse_found_is_not_for_the_customer(
    world: World, refund: Answer
) -> None:
    found = await add(world.warehouse, refund, purpose="INSPECTION")
    shown = await add(world.agent, refund)
    assert [file["id"] for file in await listed(world.agent, refund)] == [found, shown]
    assert [file["id"] for file in await listed(world.customer, refund)] == [shown]
    node = "query N($id: ID!) { node(id: $id) { id } }"
    assert await world.customer(node, id=found) == {"node": None}
    assert (await remove(world.customer, found))["code"] == "NOT_FOUND"


async def test_nobody_else_learns_of_a_file(
    world: World, refund: Answer, api: Api, settings: Settings
) -> None:
    file_id = await add(world.customer, refund)
    stranger = await make_world(api, settings)
    for other in (stranger.owner, stranger.customer, await other_customer(world)):
        assert (await announce(other, refund))["code"] == "NOT_FOUND"
        assert (await remove(other, file_id))["code"] == "NOT_FOUND"
        node = "query N($id: ID!) { node(id: $id) { id } }"
        assert await other(node, id=file_id) == {"node": None}
    assert len(await listed(world.customer, refund)) == 1


# --- taking back ------------------------------------------------------------------------------


async def test_a_removed_file_leaves_its_row_and_no_bytes(
    world: World, refund: Answer, data: Path
) -> None:
    file_id = await add(world.customer, refund)
    [before] = await listed(world.customer, refund)
    key_before = (await row(file_id)).key
    assert key_before is not None
    assert (data / "files" / key_before).exists()
    removed = await remove(world.customer, file_id)
    assert (removed["status"], removed["url"]) == ("REMOVED", None)

    async def gone() -> bool | None:
        return (await row(file_id)).key is None or None

    await eventually(gone, "the bytes to go")
    assert not (data / "files" / key_before).exists()
    assert (await world.api.client.get(before["url"])).status_code == 404
    assert await listed(world.customer, refund) == []
    after = await row(file_id)
    assert (after.status, after.name, len(after.sha256 or "")) == (
        EvidenceStatus.REMOVED, "photo.png", 64
    )  # fmt: skip
    assert (await types(refund))[2:] == ["EVIDENCE_ADDED", "EVIDENCE_REMOVED"]
    assert (await remove(world.customer, file_id))["code"] == "NOT_FOUND"


async def test_only_whoever_uploaded_it_and_the_owner_take_a_file_back(
    world: World, refund: Answer
) -> None:
    theirs = await add(world.customer, refund)
    colleague = world.api.with_token(await staff_token(world.shop.id, world.settings, Role.AGENT))
    ours = await add(world.agent, refund)
    for by, file_id in ((world.agent, theirs), (world.customer, ours), (colleague, ours)):
        answer = await remove(by, file_id)
        assert (answer["code"], answer["reason"]) == ("NOT_ALLOWED", "UPLOADER")
    assert len(await listed(world.owner, refund)) == 2
    assert (await remove(world.agent, ours))["status"] == "REMOVED"
    assert (await remove(world.owner, theirs))["status"] == "REMOVED"


# --- what it is for ---------------------------------------------------------------------------


async def test_a_question_is_answered_with_files(world: World, refund: Answer) -> None:
    ask = {"refundId": refund["id"], "question": "请上传破损照片"}
    await world.agent.mutate("refundRequestEvidence", {**ask, "idempotencyKey": key()})
    file_id, elsewhere = (
        await add(world.customer, refund),
        await add(world.customer, await in_review(world)),
    )
    hidden = await add(world.warehouse, refund, purpose="INSPECTION")
    pending = (await announce(world.customer, refund))["fileId"]
    step = {"refundId": refund["id"]}
    for wrong in (elsewhere, hidden, pending, ids.encode("EvidenceFile", new_id())):
        files = [file_id, wrong]
        answer = await world.customer.mutate(
            "refundProvideEvidence", {**step, "idempotencyKey": key(), "fileIds": files}
        )
        assert answer["code"] == "NOT_FOUND", wrong
    answer = await world.customer.mutate("refundProvideEvidence", {**step, "idempotencyKey": key()})
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "answer"])
    assert (await types(refund)).count("EVIDENCE_PROVIDED") == 0
    answer = await world.customer.mutate(
        "refundProvideEvidence", {**step, "idempotencyKey": key(), "fileIds": [file_id]}
    )
    assert answer["status"] == "REVIEW"
    given = await Event.filter(
        refund_id=ids.required("id", refund["id"], "Refund"), type="EVIDENCE_PROVIDED"
    ).get()
    assert given.payload == {"files": [str(ids.required("id", file_id, "EvidenceFile"))]}


# --- what is left behind ----------------------------------------------------------------------


async def test_an_upload_that_never_came_is_forgotten_after_a_day(
    world: World, refund: Answer, engine: Engine
) -> None:
    once: Answer = {"idempotencyKey": key()}
    upload = await announce(world.customer, refund, **once)
    young = await announce(world.customer, refund)
    await EvidenceFile.filter(id=album.path_id(upload)).update(
        started_at=clock.now() - leftovers.AGE - timedelta(minutes=1)
    )
    await leftovers.sweep(engine.files)
    left = await EvidenceFile.filter(shop_id=world.shop.id).values_list("id", flat=True)
    assert left == [album.path_id(young)]
    assert (await send(world.api, upload, PNG)).status_code == 404
    assert (await announce(world.customer, refund, **once))["code"] == "NOT_FOUND"


async def test_bytes_that_no_row_names_are_swept_once_they_are_old(
    world: World, refund: Answer, engine: Engine, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process leaves them that is killed between the store and the database."""
    folder = data / "files" / str(world.shop.id)
    await add(world.customer, refund)
    [kept] = folder.iterdir()
    orphan = folder / str(new_id())
    orphan.write_bytes(PNG)
    foreign = folder / "README"
    foreign.write_text("somebody put it here")
    await leftovers.sweep(engine.files)
    assert orphan.exists()
    later = clock.now() + leftovers.AGE + timedelta(minutes=1)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        await leftovers.sweep(engine.files)
    assert sorted(folder.iterdir()) == sorted([kept, foreign])


async def test_a_lost_job_does_not_keep_bytes_that_were_taken_back(
    world: World, refund: Answer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reconciler finds the row; whoever comes twice does nothing."""
    file_id = await add(world.customer, refund)
    row_id: UUID = ids.required("id", file_id, "EvidenceFile")
    stored = await row(file_id)
    assert str(row_id) not in await waiting()
    await EvidenceFile.filter(id=row_id).update(
        status=EvidenceStatus.REMOVED, removed_at=clock.now()
    )
    assert str(row_id) in await waiting()
    for _ in range(2):
        await leftovers.discard(engine.files, row_id)
        assert (await row(file_id)).key is None
    assert stored.key not in await engine.files.keys(str(world.shop.id))
    assert str(row_id) not in await waiting()


async def waiting() -> set[str]:
    """The files that the reconciler would have a job made for."""
    return {found["subject"] for found in await database.fetch(leftovers.MISSING)}
