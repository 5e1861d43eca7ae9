"""The classes of tests for a sound channel and bad ones."""

from uuid import uuid4

import pytest

from planted import wire
from planted.catching import README, caught_by, sound
from planted.texts import BAD_NUMBER, Network, TextsNotifier
from refund_gql.providers import (
    Delivery,
    Notification,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Retryable,
)
from refund_gql.testing import NotifierConformance

sound(TextsNotifier)


class PlantedSound(NotifierConformance):
    provider = TextsNotifier
    settings = wire.SETTINGS
    bad_settings = wire.BAD_SETTINGS
    plugin_module = "planted"
    readme = README
    good_address = "13800001234"
    bad_address = BAD_NUMBER

    @pytest.fixture
    def account(self) -> Network:
        return Network()


@caught_by(PlantedSound, "errors-say-what-to-do")
class GivesUpAtOnce(TextsNotifier):
    """Every refusal is for good."""

    name = "gives-up-at-once"

    async def send(self, message: Notification) -> Delivery:
        try:
            return await super().send(message)
        except Retryable as error:
            raise Refused(str(error)) from error


@caught_by(PlantedSound, "errors-say-what-to-do")
class NeverGivesUp(TextsNotifier):
    """No refusal is for good."""

    name = "never-gives-up"

    async def send(self, message: Notification) -> Delivery:
        try:
            return await super().send(message)
        except Refused as error:
            raise Retryable(str(error)) from error


@caught_by(PlantedSound, "errors-say-what-to-do", "doubtful-message-is-not-resent")
class RefusesEverything(TextsNotifier):
    """Whatever went wrong, it was Refused: doubt as well."""

    name = "refuses-everything"

    async def send(self, message: Notification) -> Delivery:
        try:
            return await super().send(message)
        except ProviderError as error:
            raise Refused(str(error)) from error


@caught_by(PlantedSound, "doubtful-message-is-not-resent")
class DoubtIsRetryable(TextsNotifier):
    name = "doubt-is-retryable-text"

    async def send(self, message: Notification) -> Delivery:
        try:
            return await super().send(message)
        except OutcomeUnknown as error:
            raise Retryable(str(error)) from error


@caught_by(PlantedSound, "message-id-is-constant")
class NewIdPerTry(TextsNotifier):
    name = "new-id-per-try"

    async def send(self, message: Notification) -> Delivery:
        return await self.post(message, str(uuid4()))


@caught_by(PlantedSound, "message-id-is-constant")
class OnlySaysIdempotent(TextsNotifier):
    name = "only-says-idempotent"
    idempotent = True


@caught_by(PlantedSound, "message-arrives")
class LosesTheAccents(TextsNotifier):
    name = "loses-the-accents"

    async def post(self, message: Notification, message_id: str) -> Delivery:
        ascii_only = message.text.encode("ascii", "replace").decode()
        body = {"to": message.address, "text": ascii_only, "id": message_id}
        answer = await wire.ask(self.client, "POST", "/messages", json=body)
        return Delivery(reference=answer["reference"])
