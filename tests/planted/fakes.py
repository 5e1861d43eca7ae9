"""The fakes that the kit ships, under their own kit."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from refund_gql.providers import CustomerKey, ProductReview, RiskLevel, RiskSignal
from refund_gql.testing import (
    CourierConformance,
    CrmConformance,
    FakeCourier,
    FakeCrm,
    FakeGateway,
    FakeNotifier,
    GatewayConformance,
    NotifierConformance,
    ParcelNews,
    RefundNews,
    Webhook,
    fakes,
)
from refund_gql.testing.fakes.courier import CODES

FOREIGN = "of-another-merchant"


class Fakes:
    readme: ClassVar[Path | None] = Path(fakes.__file__).parent / "README.md"
    package = plugin_module = "refund_gql.testing.fakes"
    bad_settings: ClassVar[Mapping[str, Any]] = {"api_key": "wrong-key-5678"}


class PlantedFakeGateway(Fakes, GatewayConformance):
    provider = FakeGateway

    @pytest.fixture
    def account(self) -> fakes.FakeBank:
        return fakes.FakeBank()

    def connect(self, account: fakes.FakeBank, settings: fakes.FakeSettings) -> FakeGateway:
        return FakeGateway(settings, account)

    def webhook(self, news: RefundNews) -> Webhook:
        headers, body = fakes.signed(
            {
                "id": news.event_id,
                "number": news.number,
                "state": news.state or "TELEPORTED",
                "amount": news.amount,
                "currency": news.currency,
            },
            secret=FOREIGN if news.foreign else "",
            at=news.sent_at,
        )
        return Webhook(headers=headers, body=body)


class PlantedFakeCourier(Fakes, CourierConformance):
    provider = FakeCourier
    codes = {**CODES, "fake-nothing": None}

    @pytest.fixture
    def account(self) -> fakes.FakeDepot:
        return fakes.FakeDepot()

    def connect(self, account: fakes.FakeDepot, settings: fakes.FakeSettings) -> FakeCourier:
        return FakeCourier(settings, account)

    def webhook(self, news: ParcelNews) -> Webhook:
        scan = news.scan
        headers, body = fakes.signed(
            {
                "id": news.event_id,
                "tracking_number": news.tracking_number,
                "scans": [
                    {"at": scan.at.isoformat(), "code": scan.code, "text": scan.text, "place": ""}
                ],
            },
            secret=FOREIGN if news.foreign else "",
            at=news.sent_at,
        )
        return Webhook(headers=headers, body=body)


class PlantedFakeCrm(Fakes, CrmConformance):
    provider = FakeCrm
    risky_customer = CustomerKey(reference="risky")
    unflaggable_customer = CustomerKey(reference="closed")

    @pytest.fixture
    def account(self) -> fakes.FakeRegister:
        register = fakes.FakeRegister()
        register.known_signals["risky"] = [RiskSignal(code="returns-all", level=RiskLevel.HIGH)]
        register.closed.add("closed")
        register.reviews = [review(day) for day in range(1, 6)]
        return register

    def connect(self, account: fakes.FakeRegister, settings: fakes.FakeSettings) -> FakeCrm:
        return FakeCrm(settings, account)


def review(day: int) -> ProductReview:
    return ProductReview(
        reference=f"review-{day}",
        sku="SKU-1",
        rating=day,
        text="还可以",
        written_at=datetime(2026, 3, day, tzinfo=UTC),
    )


class PlantedFakeNotifier(Fakes, NotifierConformance):
    provider = FakeNotifier
    good_address = "customer@example.com"
    bad_address = "bounced@example.com"

    @pytest.fixture
    def account(self) -> fakes.FakePost:
        post = fakes.FakePost()
        post.bounced.add("bounced@example.com")
        return post

    def connect(self, account: fakes.FakePost, settings: fakes.FakeSettings) -> FakeNotifier:
        return FakeNotifier(settings, account)
