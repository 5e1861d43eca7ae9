"""The classes of tests for a sound courier and bad ones."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from planted import wire
from planted.catching import README, caught_by, sound
from planted.parcels import CODES, Depot, ParcelsCourier, written
from refund_gql.providers import (
    Acknowledgement,
    Headers,
    OutcomeUnknown,
    Parcel,
    Pickup,
    PickupRequest,
    Refused,
    Retryable,
    Tracking,
    TrackingNotice,
    TrackingTag,
)
from refund_gql.testing import CourierConformance, ParcelNews, Webhook

sound(ParcelsCourier)


class PlantedSound(CourierConformance):
    provider = ParcelsCourier
    settings = wire.SETTINGS
    bad_settings = wire.BAD_SETTINGS
    plugin_module = "planted"
    readme = README
    codes = CODES

    @pytest.fixture
    def account(self) -> Depot:
        return Depot()

    def webhook(self, news: ParcelNews) -> Webhook:
        message = {
            "id": news.event_id,
            "parcel": news.tracking_number,
            "scans": [written(news.scan)],
        }
        body = json.dumps(message).encode()
        secret = "of-another-merchant" if news.foreign else wire.SETTINGS["webhook_secret"]
        return Webhook(headers=wire.sign(body, news.sent_at, secret), body=body)


@caught_by(PlantedSound, "unknown-code-is-not-guessed")
class GuessesDelivered(ParcelsCourier):
    name = "guesses-delivered"

    def tag(self, code: str) -> TrackingTag | None:
        return CODES.get(code, TrackingTag.DELIVERED)


@caught_by(PlantedSound, "codes-map-as-documented")
class LockerIsDelivered(ParcelsCourier):
    name = "locker-is-delivered"

    def tag(self, code: str) -> TrackingTag | None:
        return TrackingTag.DELIVERED if code == "35" else super().tag(code)


@caught_by(PlantedSound, "pickup-is-ordered-once")
class OrdersTwice(ParcelsCourier):
    """Nobody answered, so it orders again."""

    name = "orders-twice"

    async def book_pickup(self, request: PickupRequest) -> Pickup:
        try:
            return await self.order(request)
        except OutcomeUnknown:
            return await self.order(request)


@caught_by(PlantedSound, "pickup-is-ordered-once")
class OrdersAgainUnderAnotherNumber(ParcelsCourier):
    """Nobody answered, so it orders again, and its own number hides it."""

    name = "orders-again-under-another-number"

    async def book_pickup(self, request: PickupRequest) -> Pickup:
        try:
            return await self.order(request)
        except OutcomeUnknown:
            await self.order(replace(request, number=f"{request.number}-2"))
            raise


@caught_by(PlantedSound, "doubtful-pickup-is-unknown")
class DoubtIsRetryable(ParcelsCourier):
    name = "doubt-is-retryable"

    async def book_pickup(self, request: PickupRequest) -> Pickup:
        try:
            return await self.order(request)
        except OutcomeUnknown as error:
            raise Retryable(str(error)) from error


@caught_by(PlantedSound, "doubtful-tracking-is-an-error")
class SilenceIsNoNews(ParcelsCourier):
    name = "silence-is-no-news"

    async def track(self, parcel: Parcel) -> Tracking:
        try:
            return await super().track(parcel)
        except OutcomeUnknown:
            return Tracking(tracking_number=parcel.tracking_number)


@caught_by(PlantedSound, "times-are-utc")
class TakesLocalForUtc(ParcelsCourier):
    name = "takes-local-for-utc"

    def time(self, text: str) -> datetime:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


@caught_by(PlantedSound, "checkpoints-may-repeat")
class NumbersCheckpoints(ParcelsCourier):
    name = "numbers-checkpoints"

    async def track(self, parcel: Parcel) -> Tracking:
        tracking = await super().track(parcel)
        numbered = [replace(one, place=str(at)) for at, one in enumerate(tracking.checkpoints, 1)]
        return replace(tracking, checkpoints=tuple(numbered))


@caught_by(PlantedSound, "tracking-asks-once")
class AsksTwice(ParcelsCourier):
    name = "asks-twice"

    async def track(self, parcel: Parcel) -> Tracking:
        with suppress(OutcomeUnknown):
            await wire.ask(self.client, "GET", "/account")
        return await super().track(parcel)


@caught_by(PlantedSound, "tampered-webhook-is-refused")
class TrustsTheUnsigned(ParcelsCourier):
    """What has no signature at all is let in."""

    name = "trusts-the-unsigned"

    def parse_webhook(self, headers: Headers, body: bytes) -> Sequence[TrackingNotice]:
        if "planted-signature" in headers:
            return super().parse_webhook(headers, body)
        now = datetime.now(UTC)
        signed = wire.sign(body, now, self.settings.webhook_secret.get_secret_value())
        return super().parse_webhook(signed, body)


@caught_by(PlantedSound, "transient-is-retryable")
class GivesUpAtOnce(ParcelsCourier):
    name = "courier-gives-up-at-once"

    async def track(self, parcel: Parcel) -> Tracking:
        try:
            return await super().track(parcel)
        except Retryable as error:
            raise Refused(str(error)) from error


@caught_by(PlantedSound, "unknown-parcel-has-no-news")
class UnknownIsAnError(ParcelsCourier):
    name = "unknown-is-an-error"

    async def track(self, parcel: Parcel) -> Tracking:
        tracking = await super().track(parcel)
        if not tracking.checkpoints:
            raise Refused("no such parcel")
        return tracking


@caught_by(PlantedSound, "webhook-is-understood")
class AnswersTeapot(ParcelsCourier):
    name = "answers-teapot"

    def acknowledgement(self, notices: Sequence[TrackingNotice]) -> Acknowledgement:
        return Acknowledgement(status=418)
