"""What `docs/importing.md` says is what happens."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from refund_gql import models
from refund_gql.importing import condition, mapping, reading
from refund_gql.importing.mapping import OrderFields, OrderMapping, RefundFields, RefundMapping
from refund_gql.importing.run import Run
from refund_gql.importing.source import Amount, Flag, Moment, Text
from refund_gql.models import Shop

PAGE = (Path(__file__).parent.parent / "docs" / "importing.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


async def test_the_example_does_what_the_page_says(
    make_shop: Callable[..., Awaitable[Shop]], tmp_path: Path
) -> None:
    shop = await make_shop(currency="EUR")
    for name, rows, rules in zip(("orders", "refunds"), blocks("csv"), blocks("toml"), strict=True):
        (tmp_path / f"{name}.csv").write_text(rows, encoding="utf-8")
        (tmp_path / f"{name}.toml").write_text(rules, encoding="utf-8")
    orders = mapping.load(str(tmp_path / "orders.toml"), OrderMapping)
    refunds = mapping.load(str(tmp_path / "refunds.toml"), RefundMapping)
    reports = [
        str(await Run(reading.orders(tmp_path / "orders.csv", orders), shop).perform()),
        str(await Run(reading.refunds(tmp_path / "refunds.csv", refunds), shop).perform()),
    ]
    assert [report.replace(shop.handle, "tea") for report in reports] == [
        block.rstrip("\n") for block in blocks("text")
    ]
    order = await models.Order.get(shop_id=shop.id, number="1001")
    assert (order.total, order.fulfilment.value) == (2490, "SHIPPED")
    assert (await models.Refund.get(shop_id=shop.id)).order_id == order.id


@pytest.mark.parametrize(
    "model",
    [OrderMapping, RefundMapping, OrderFields, RefundFields, Text, Amount, Moment, Flag,
     condition.Condition, condition.Skip],
)  # fmt: skip
def test_the_page_names_every_key(model: type[BaseModel]) -> None:
    keys = {about.alias or name for name, about in model.model_fields.items()}
    missing = {key for key in keys if not re.search(rf"`[^`\n]*\b{key}\b[^`\n]*`", PAGE)}
    assert missing == set()


def test_the_page_names_every_mapping_that_ships() -> None:
    assert [name for name in mapping.shipped() if f"`{name}`" not in PAGE] == []
