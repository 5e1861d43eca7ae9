"""Goods on their way back: fetched, lost, sent again; and where and how shops want them."""

from datetime import datetime
from typing import Annotated

import strawberry

from refund_gql import ids, providers
from refund_gql.backoffice import return_addresses
from refund_gql.flow import pickups, returns
from refund_gql.graphql.context import Info
from refund_gql.graphql.mutations.answers import answer, once, words
from refund_gql.graphql.mutations.refund_inputs import RefundStepInput
from refund_gql.graphql.mutations.refunds import RefundStepResult
from refund_gql.graphql.problems import InvalidInput, NotAllowed, NotFound
from refund_gql.graphql.types.following import ReturnAddress
from refund_gql.graphql.types.refund import Refund
from refund_gql.graphql.types.shop import Shop

ReturnAddressResult = Annotated[
    ReturnAddress | InvalidInput | NotAllowed | NotFound,
    strawberry.union("ReturnAddressResult", description="The address as it is now, or why not."),
]
ReturnInstructionsResult = Annotated[
    Shop | InvalidInput | NotAllowed | NotFound,
    strawberry.union("ReturnInstructionsResult", description="The shop as it is now, or why not."),
]


@strawberry.input(description="A place with a person.")
class AddressInput:
    name: str = strawberry.field(description="Who.")
    phone: str = strawberry.field(description="Theirs.")
    country: str = strawberry.field(description="ISO 3166-1 alpha-2, such as CN.")
    region: str = strawberry.field(default="", description="Province or state.")
    city: str = strawberry.field(default="", description="City.")
    district: str = strawberry.field(default="", description="District.")
    street: str = strawberry.field(description="Street, building, room.")
    postcode: str = strawberry.field(default="", description="Postcode.")

    def value(self) -> providers.Address:
        return providers.Address(
            name=self.name,
            phone=self.phone,
            country=self.country,
            region=self.region,
            city=self.city,
            district=self.district,
            street=self.street,
            postcode=self.postcode,
        )


@strawberry.input(description="Have the goods fetched by a courier.")
class ReturnBookPickupInput(RefundStepInput):
    courier: str = strawberry.field(description="One of the shop's `courierRoutes`.")
    sender: AddressInput = strawberry.field(description="Where the goods are.")
    weight_grams: int = strawberry.field(default=1000, description="About.")
    earliest: datetime | None = strawberry.field(
        default=None, description="UTC; null: as soon as possible."
    )
    latest: datetime | None = strawberry.field(default=None, description="UTC.")

    def value(self) -> pickups.BookPickup:
        return pickups.BookPickup(
            refund_id=self.id,
            courier=self.courier,
            sender=self.sender.value(),
            weight_grams=self.weight_grams,
            earliest=self.earliest,
            latest=self.latest,
            expected_version=self.expected_version,
        )


@strawberry.input(description="The parcel got lost on its way back.")
class ReturnReportLostInput(RefundStepInput):
    reason: str = strawberry.field(default="", description="For colleagues.")


@strawberry.input(description="The parcel went to the wrong place, or back to the customer.")
class ReturnReopenInput(RefundStepInput):
    reason: str = strawberry.field(default="", description="For colleagues.")


@strawberry.input(description="A place for goods that come back. Null leaves a field as it is.")
class ReturnAddressInput:
    name: str | None = strawberry.field(default=None, description="Needed for a new one.")
    address: AddressInput | None = strawberry.field(
        default=None, description="Needed for a new one."
    )
    regions: list[str] | None = strawberry.field(
        default=None, description="For orders that went there: CN-31, DE; none: anywhere."
    )
    categories: list[str] | None = strawberry.field(
        default=None, description="For products of these; with none and no skus: for any."
    )
    skus: list[str] | None = strawberry.field(default=None, description="For these products.")
    position: int | None = strawberry.field(default=None, description="The lowest is chosen.")
    fallback: bool | None = strawberry.field(
        default=None, description="Chosen when no other takes the goods; a shop has one."
    )

    def value(self) -> return_addresses.ReturnAddressFacts:
        return return_addresses.ReturnAddressFacts(
            name=self.name,
            address=self.address.value() if self.address else None,
            regions=self.regions,
            categories=self.categories,
            skus=self.skus,
            position=self.position,
            fallback=self.fallback,
        )


@strawberry.input(description="One thing that goods must be when they come back.")
class ReturnRequirementInput:
    code: str = strawberry.field(description="Stable, for programs: INTACT.")
    zh: str = strawberry.field(description="In Chinese.")
    en: str = strawberry.field(description="In English.")
    categories: list[str] = strawberry.field(
        default_factory=list, description="Of the products it is asked of; none: all."
    )

    def value(self) -> return_addresses.Point:
        return return_addresses.Point(
            code=self.code, zh=self.zh, en=self.en, categories=self.categories
        )


@strawberry.type
class GoodsMutations:
    @strawberry.mutation(description="Return: have a courier fetch the goods, once.")
    async def return_book_pickup(
        self, info: Info, input: ReturnBookPickupInput
    ) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: pickups.book(
                viewer, input.value(), once=once("returnBookPickup", input)
            ),
        )

    @strawberry.mutation(description="Return: the parcel got lost; back to review.")
    async def return_report_lost(
        self, info: Info, input: ReturnReportLostInput
    ) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: returns.report_lost(
                viewer,
                input.id,
                reason=words("reason", input.reason),
                expected_version=input.expected_version,
                once=once("returnReportLost", input),
            ),
        )

    @strawberry.mutation(description="Return: the parcel did not come; it is to be sent again.")
    async def return_reopen(self, info: Info, input: ReturnReopenInput) -> RefundStepResult:
        return await answer(
            info,
            Refund,
            lambda viewer: returns.reopen(
                viewer,
                input.id,
                reason=words("reason", input.reason),
                expected_version=input.expected_version,
                once=once("returnReopen", input),
            ),
        )

    @strawberry.mutation(description="Add a place that goods are sent back to.")
    async def return_address_create(
        self, info: Info, input: ReturnAddressInput
    ) -> ReturnAddressResult:
        return await answer(
            info, ReturnAddress, lambda viewer: return_addresses.create(viewer, input.value())
        )

    @strawberry.mutation(description="Change it; open returns keep what was told.")
    async def return_address_update(
        self, info: Info, id: strawberry.ID, input: ReturnAddressInput
    ) -> ReturnAddressResult:
        return await answer(
            info,
            ReturnAddress,
            lambda viewer: return_addresses.update(
                viewer, ids.required("id", id, "ReturnAddress"), input.value()
            ),
        )

    @strawberry.mutation(description="Take it away; open returns keep what was told.")
    async def return_address_delete(
        self, info: Info, id: strawberry.ID
    ) -> ReturnInstructionsResult:
        return await answer(
            info,
            Shop,
            lambda viewer: return_addresses.delete(viewer, ids.required("id", id, "ReturnAddress")),
        )

    @strawberry.mutation(description="Replace the checklist for goods that come back.")
    async def return_requirements_update(
        self, info: Info, requirements: list[ReturnRequirementInput]
    ) -> ReturnInstructionsResult:
        return await answer(
            info,
            Shop,
            lambda viewer: return_addresses.require(
                viewer, [point.value() for point in requirements]
            ),
        )
