"""Webhooks: what is translated, and that nothing forged is."""

import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from refund_gql_sandbox.gateway import SandboxGateway
from refund_gql_sandbox.gateway.message import DisputeMessage, Message
from refund_gql_sandbox.settings import SandboxSettings
from refund_gql_sandbox.webhook import sign

from refund_gql.providers import (
    DisputeNotice,
    DisputeState,
    GatewayNotice,
    Outcome,
    OutcomeState,
    WebhookRejected,
)

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
    # HMAC-SHA256 with the key "key" over `1700000000.{"id": 1}`.
    expected = hmac.new(b"key", b'1700000000.{"id": 1}', "sha256").hexdigest()
    at = datetime.fromtimestamp(1_700_000_000, UTC)
    assert sign(b'{"id": 1}', "key", at=at) == {
        "sandbox-signature": f"t=1700000000,v1={expected}",
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
    notice = GATEWAY.parse_webhook(sign(body, SECRET), body)
    assert isinstance(notice, GatewayNotice)
    assert notice.outcome.reference is None


def test_a_chargeback_is_told_with_its_time() -> None:
    told = DisputeMessage(
        id="evt-2",
        dispute="DP-1",
        capture="PAY-1",
        amount=8900,
        currency="CNY",
        state=DisputeState.LOST,
        at=datetime(2026, 5, 1, 12, tzinfo=UTC),
        reason="FRAUD",
    )
    body = told.model_dump_json().encode()
    assert GATEWAY.parse_webhook(sign(body, SECRET), body) == DisputeNotice(
        event_id="evt-2",
        reference="DP-1",
        capture_reference="PAY-1",
        amount=8900,
        currency="CNY",
        state=DisputeState.LOST,
        at=datetime(2026, 5, 1, 12, tzinfo=UTC),
        reason="FRAUD",
    )
    strange = body.replace(b"LOST", b"MISLAID")
    with pytest.raises(WebhookRejected, match="not a message of the bank"):
        GATEWAY.parse_webhook(sign(strange, SECRET), strange)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sandbox-event": "evt-1"},
        {**sign(BODY, SECRET), "sandbox-signature": ""},
        {**sign(BODY, SECRET), "sandbox-signature": "0" * 64},
        {**sign(BODY, SECRET), "sandbox-signature": "Unterschrift-für-€1500"},
        {**sign(BODY, SECRET), "sandbox-signature": "t=1,v1=" + "٣" * 64},
        {**sign(BODY, SECRET), "sandbox-signature": sign(BODY, SECRET)["sandbox-signature"] + " "},
    ],
)
def test_a_signature_of_another_form_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(WebhookRejected, match=r"sandbox-signature is not t=<unix>,v1=<hex>$"):
        GATEWAY.parse_webhook(headers, BODY)


def test_another_secrets_signature_is_refused() -> None:
    with pytest.raises(WebhookRejected, match=r"^sandbox: the header sandbox-signature does not"):
        GATEWAY.parse_webhook(sign(BODY, "another secret"), BODY)


@pytest.mark.parametrize("seconds", [-3600, -301, 302, 3600])
def test_a_message_of_another_time_is_refused(seconds: int) -> None:
    headers = sign(BODY, SECRET, at=datetime.now(UTC) + timedelta(seconds=seconds))
    with pytest.raises(WebhookRejected, match="is of another time"):
        GATEWAY.parse_webhook(headers, BODY)


@pytest.mark.parametrize("seconds", [-290, 290])
def test_clocks_may_differ_a_little(seconds: int) -> None:
    headers = sign(BODY, SECRET, at=datetime.now(UTC) + timedelta(seconds=seconds))
    assert GATEWAY.parse_webhook(headers, BODY) == MESSAGE.notice()


def test_an_old_message_cannot_be_given_a_new_time() -> None:
    old = sign(BODY, SECRET, at=datetime.now(UTC) - timedelta(hours=1))["sandbox-signature"]
    now = sign(BODY, "a guess")["sandbox-signature"]
    mixed = f"{now.split(',')[0]},{old.split(',')[1]}"
    with pytest.raises(WebhookRejected, match="sandbox-signature does not verify"):
        GATEWAY.parse_webhook({"sandbox-signature": mixed, "sandbox-event": "evt-1"}, BODY)


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
    with pytest.raises(WebhookRejected, match=r"^sandbox: the body is not a message of the bank$"):
        GATEWAY.parse_webhook(sign(body, SECRET), body)


def test_the_secret_is_in_no_text() -> None:
    with pytest.raises(WebhookRejected) as raised:
        GATEWAY.parse_webhook({}, BODY)
    for text in (repr(raised.value), repr(GATEWAY), repr(GATEWAY.settings), str(GATEWAY.settings)):
        assert SECRET not in text
    assert SECRET not in GATEWAY.settings.model_dump_json()
