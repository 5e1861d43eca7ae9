"""Secrets at rest: what is sealed opens only with its key and in its place."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from refund_gql import vault
from refund_gql.errors import NoSecretKey
from refund_gql.settings import Settings
from refund_gql.vault import Unreadable, Vault


def holding(*keys: str) -> Vault:
    return vault.of(Settings(secret_keys=SecretStr(",".join(keys))))


OLD, NEW = vault.new_key(), vault.new_key()


@given(st.text())
def test_what_is_sealed_opens_again(plain: str) -> None:
    envelope = holding(NEW).seal(plain, context="here")
    assert holding(NEW).open(envelope, context="here") == plain


def test_an_envelope_shows_the_id_of_its_key_and_nothing_of_the_secret() -> None:
    envelope = holding(NEW, OLD).seal("correct horse", context="here")
    assert envelope["key"] == NEW.partition(":")[0]
    assert set(envelope) == {"key", "nonce", "text"}
    assert b"horse" not in base64.urlsafe_b64decode(envelope["text"])


def test_the_same_secret_is_sealed_otherwise_each_time() -> None:
    first, second = (holding(NEW).seal("s", context="here") for _ in range(2))
    assert first["text"] != second["text"]


def test_the_first_key_seals_and_all_keys_open() -> None:
    before = holding(OLD).seal("s", context="here")
    both = holding(NEW, OLD)
    assert both.open(before, context="here") == "s"
    assert both.seal("s", context="here")["key"] == NEW.partition(":")[0]


def test_without_its_key_nothing_opens_and_the_key_is_named() -> None:
    envelope = holding(OLD).seal("s", context="here")
    with pytest.raises(Unreadable, match=OLD.partition(":")[0]):
        holding(NEW).open(envelope, context="here")


def test_an_envelope_opens_in_no_other_place() -> None:
    envelope = holding(NEW).seal("s", context="shop-1")
    with pytest.raises(Unreadable, match="another place"):
        holding(NEW).open(envelope, context="shop-2")


@pytest.mark.parametrize("part", ["nonce", "text"])
def test_a_changed_envelope_does_not_open(part: str) -> None:
    envelope = holding(NEW).seal("a secret", context="here")
    raw = bytearray(base64.urlsafe_b64decode(envelope[part]))
    raw[0] ^= 1
    changed = {**envelope, part: base64.urlsafe_b64encode(raw).decode()}
    with pytest.raises(Unreadable):
        holding(NEW).open(changed, context="here")


def test_without_a_key_nothing_is_sealed_and_the_answer_says_what_to_do() -> None:
    with pytest.raises(NoSecretKey) as refused:
        holding().seal("s", context="here")
    assert "REFUND_GQL_SECRET_KEYS" in refused.value.message("en")
    assert "REFUND_GQL_SECRET_KEYS" in refused.value.message("zh")


@pytest.mark.parametrize(
    "keys",
    ["k1", "k1:", "k1:c2hvcnQ=", ":" + OLD, "k1:not base64!"],
    ids=["id only", "no key", "too short", "no id", "no base64"],
)
def test_a_key_that_is_none_is_refused_at_start_without_being_shown(keys: str) -> None:
    with pytest.raises(ValueError, match="REFUND_GQL_SECRET_KEYS") as refused:
        holding(keys)
    assert OLD.partition(":")[2] not in str(refused.value)


def test_keys_show_in_no_repr() -> None:
    settings = Settings(secret_keys=SecretStr(NEW))
    shown = repr(settings) + str(settings) + repr(vault.of(settings))
    assert NEW.partition(":")[2] not in shown
