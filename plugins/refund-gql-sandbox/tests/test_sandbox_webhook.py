"""Webhooks: what is translated, and that nothing forged is."""

import json

import pytest
from refund_gql_sandbox.gateway import SandboxGateway
from refund_gql_sandbox.settings import SandboxSettings
from refund_gql_sandbox.webhook import Message, sign

from refund_gql.providers import GatewayNotice, Outcome, OutcomeState, WebhookRejected

SECRET = "a-secret-of-this-test"
GATEWAY = SandboxGateway(SandboxSettings.model_validate({"webhook_secret": SECRET}))
MESSAGE = Message(
    id="evt-1",
    number="R1",
    state="SUCCEEDED",
    amount=1500,
    currency="EUR",
    reference="SBX-R1",
)
BODY = MESSAGE.model_dump_json().encode()


def test_sign_makes_the_documented_headers() -> None:
    assert sign(b'{"id": 1}', "key") == {
        "sandbox-signature": "5328aa996385400504c7cc4e7b436fe9ac87339433cfb0c139b43f850e862cd7",
        "sandbox-event": "",
    }
    assert sign(BODY, SECRET)["sandbox-event"] == "evt-1"


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("SUCCEEDED", OutcomeState.SUCCEEDED),
        ("PROCESSING", OutcomeState.PROCESSING),
        ("REVERSED", OutcomeState.REVERSED),
        ("REJECTED", OutcomeState.REJECTED),
        ("NEEDS_MANUAL", OutcomeState.UNKNOWN),
        ("UNKNOWN", OutcomeState.UNKNOWN),
        ("succeeded", OutcomeState.UNKNOWN),
        ("", OutcomeState.UNKNOWN),
    ],
)
def test_a_signed_message_is_translated(word: str, state: OutcomeState) -> None:
    body = MESSAGE.model_copy(update={"state": word}).model_dump_json().encode()
    assert GATEWAY.parse_webhook(sign(body, SECRET), body) == GatewayNotice(
        event_id="evt-1",
        number="R1",
        outcome=Outcome(state=state, reference="SBX-R1", code=word, amount=1500, currency="EUR"),
    )


def test_fields_nobody_knows_are_ignored_and_a_reference_may_be_missing() -> None:
    body = json.dumps({**MESSAGE.model_dump(exclude={"reference"}), "mood": "good"}).encode()
    assert GATEWAY.parse_webhook(sign(body, SECRET), body).outcome.reference is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sandbox-event": "evt-1"},
        {**sign(BODY, SECRET), "sandbox-signature": ""},
        {**sign(BODY, SECRET), "sandbox-signature": "0" * 64},
        {**sign(BODY, SECRET), "sandbox-signature": "Unterschrift-für-€1500"},
        sign(BODY, "another secret"),
    ],
)
def test_a_forged_signature_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(WebhookRejected, match=r"^sandbox: the header sandbox-signature does not"):
        GATEWAY.parse_webhook(headers, BODY)


@pytest.mark.parametrize(
    "body", [BODY.replace(b"1500", b"1501"), BODY + b" ", BODY.replace(b"R1", b"R2"), b""]
)
def test_a_tampered_body_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookRejected, match="sandbox-signature does not verify"):
        GATEWAY.parse_webhook(sign(BODY, SECRET), body)


@pytest.mark.parametrize("event", ["evt-2", ""])
def test_an_event_id_that_is_not_the_messages_is_refused(event: str) -> None:
    headers = {**sign(BODY, SECRET), "sandbox-event": event}
    with pytest.raises(WebhookRejected, match="sandbox-event is not the message's id"):
        GATEWAY.parse_webhook(headers, BODY)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b"[]",
        b"\xff",
        json.dumps({**MESSAGE.model_dump(), "amount": "1500"}).encode(),
        json.dumps({**MESSAGE.model_dump(), "amount": 15.5}).encode(),
        json.dumps(MESSAGE.model_dump(exclude={"number"})).encode(),
    ],
)
def test_a_signed_body_that_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookRejected, match=r"^sandbox: the body is not a sandbox message$"):
        GATEWAY.parse_webhook(sign(body, SECRET), body)


def test_the_secret_is_in_no_text() -> None:
    with pytest.raises(WebhookRejected) as raised:
        GATEWAY.parse_webhook({}, BODY)
    for text in (repr(raised.value), repr(GATEWAY), repr(GATEWAY.settings), str(GATEWAY.settings)):
        assert SECRET not in text
    assert SECRET not in GATEWAY.settings.model_dump_json()
