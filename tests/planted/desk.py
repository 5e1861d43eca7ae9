"""A sound CRM with coupons, points, reviews and access tokens, and the desk behind it."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from planted import wire
from planted.wire import PlantedSettings
from refund_gql.providers import (
    Coupon,
    CouponIssuer,
    CouponRequest,
    Crm,
    CustomerKey,
    FlagChange,
    FlagResult,
    LoyaltyLedger,
    Misconfigured,
    ProductReview,
    Refused,
    ReviewPage,
    ReviewSource,
    RiskLevel,
    RiskSignal,
)
from refund_gql.testing import CrmAccount, Simulator


class DeskCrm(Crm, CouponIssuer, LoyaltyLedger, ReviewSource):
    """Fetches a token, and a new one when the desk refuses it."""

    name = "desk"
    Settings = PlantedSettings
    settings: PlantedSettings

    def __init__(
        self, settings: PlantedSettings, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(settings)
        self.client = wire.client(settings, transport or httpx2.AsyncHTTPTransport())
        self.token = ""
        self.lock = asyncio.Lock()

    async def aclose(self) -> None:
        await self.client.aclose()

    async def check(self) -> None:
        await self.ask("GET", "/account")

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        used = self.token
        if used:
            try:
                return await self.with_token(method, path, **options)
            except Misconfigured:
                pass  # the token has run out: the second try, with a new one, decides
        await self.renew(used)
        return await self.with_token(method, path, **options)

    async def renew(self, used: str) -> None:
        async with self.lock:
            if self.token == used:
                self.token = (await wire.ask(self.client, "POST", "/token"))["token"]

    async def with_token(self, method: str, path: str, **options: Any) -> Any:
        headers = {"x-token": self.token}
        return await wire.ask(self.client, method, path, headers=headers, **options)

    async def signals(self, customer: CustomerKey) -> Sequence[RiskSignal]:
        found = await self.ask("GET", f"/risks/{customer.reference}")
        return [RiskSignal(code=code, level=RiskLevel.HIGH) for code in found or []]

    async def set_flags(self, changes: Sequence[FlagChange]) -> Sequence[FlagResult]:
        return [await self.set_flag(change) for change in changes]

    async def set_flag(self, change: FlagChange) -> FlagResult:
        reference = change.customer.reference
        body = {"add": sorted(change.add), "remove": sorted(change.remove)}
        try:
            await self.ask("POST", f"/flags/{reference}", json=body)
        except Refused as error:
            return FlagResult(reference=reference, applied=False, code=error.code)
        return FlagResult(reference=reference, applied=True)

    async def issue_coupon(self, request: CouponRequest) -> Coupon:
        return await self.issue(request.number, request)

    async def issue(self, key: str, request: CouponRequest) -> Coupon:
        answer = await self.ask("POST", "/coupons", json={"key": key, "number": request.number})
        return Coupon(number=request.number, code=answer["code"])

    async def revoke_coupon(self, number: str) -> bool:
        await self.ask("DELETE", f"/coupons/{number}")
        return True

    async def restore_points(self, number: str, customer: CustomerKey, points: int) -> None:
        await self.restore(number, number)

    async def restore_coupon(self, number: str, customer: CustomerKey, code: str) -> None:
        await self.restore(number, number)

    async def restore(self, key: str, number: str) -> None:
        await self.ask("POST", "/restorations", json={"key": key, "number": number})

    async def reviews(self, *, since: datetime, cursor: str | None = None) -> ReviewPage:
        page = await self.ask("GET", "/reviews", params={"from": cursor or "0"})
        reviews = tuple(_review(number) for number in page["reviews"])
        return ReviewPage(reviews=reviews, cursor=page["next"])


def _review(number: int) -> ProductReview:
    return ProductReview(
        reference=f"review-{number}",
        sku="SKU-1",
        rating=5,
        text="很好",
        written_at=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number),
    )


class Desk(Simulator, CrmAccount):
    """Has five reviews, knows one risky customer, and lets one other never be flagged."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = 0
        self.valid = ""
        self.flagged: dict[str, list[str]] = defaultdict(list)
        self.codes: dict[str, str] = {}
        self.keys: set[str] = set()
        self.worthless: list[str] = []

    def flags(self, reference: str) -> Sequence[str]:
        return self.flagged[reference]

    def revoked(self) -> Sequence[str]:
        return self.worthless

    def tokens_issued(self) -> int:
        return self.tokens

    def expire_tokens(self) -> None:
        self.valid = ""

    def acts(self, request: httpx2.Request) -> bool:
        return request.method != "GET" and request.url.path != "/token"

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        if not wire.authorised(request):
            return httpx2.Response(401)
        if request.url.path == "/token":
            self.tokens += 1
            self.valid = f"token-{self.tokens}"
            return httpx2.Response(200, json={"token": self.valid})
        if request.headers.get("x-token") != self.valid or not self.valid:
            return httpx2.Response(401)
        _, what, *rest = request.url.path.split("/")
        return self.answer(request, what, rest[0] if rest else "")

    def answer(self, request: httpx2.Request, what: str, of: str) -> httpx2.Response:
        match (request.method, what):
            case ("GET", "risks"):
                return httpx2.Response(200, json=["returns-all"] if of == "risky" else [])
            case ("POST", "flags"):
                return self.flag(of, json.loads(request.content))
            case ("POST", "coupons"):
                return self.coupon(json.loads(request.content))
            case ("POST", "restorations"):
                return self.restoration(json.loads(request.content))
            case ("DELETE", "coupons"):
                self.worthless = sorted({*self.worthless, of})
                return httpx2.Response(200, json={})
            case ("GET", "reviews"):
                start = int(request.url.params["from"])
                after = start + 2 if start + 2 < 5 else None
                numbers = list(range(start, min(start + 2, 5)))
                cursor = None if after is None else str(after)
                return httpx2.Response(200, json={"reviews": numbers, "next": cursor})
        return httpx2.Response(200, json={})

    def flag(self, reference: str, change: dict[str, list[str]]) -> httpx2.Response:
        if reference == "closed":
            return httpx2.Response(422)
        flags = [one for one in self.flagged[reference] if one not in change["remove"]]
        self.flagged[reference] = flags + [one for one in change["add"] if one not in flags]
        return httpx2.Response(200, json={"flags": self.flagged[reference]})

    def coupon(self, asked: dict[str, str]) -> httpx2.Response:
        if asked["key"] not in self.codes:
            self.codes[asked["key"]] = f"CODE{len(self.codes)}"
            self.coupons.append(asked["number"])
        return httpx2.Response(200, json={"code": self.codes[asked["key"]]})

    def restoration(self, asked: dict[str, str]) -> httpx2.Response:
        if asked["key"] not in self.keys:
            self.keys.add(asked["key"])
            self.restorations.append(asked["number"])
        return httpx2.Response(200, json={})

    def unrecognised(self, answer: httpx2.Response) -> httpx2.Response:
        return httpx2.Response(200, json={"code": "?", "status": "teleported"})
