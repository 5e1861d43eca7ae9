"""The canned texts (话术) every new shop starts with. Its people may change or retire any."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from refund_gql import clock, database
from refund_gql.database import Transaction
from refund_gql.models import Script, ScriptVersion, Shop, new_id

AUTHOR = "SYSTEM:-"

_WITHOUT_SCRIPTS = """
select * from shop where not exists (select from script where script.shop_id = shop.id)
"""
_ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtext('refund_gql.default_scripts'))"


@cache
def texts() -> dict[str, dict[str, Any]]:
    """Code -> {reasons, desks, zh, en}, as they stand in `scripts.toml`."""
    return tomllib.loads(files(__package__).joinpath("scripts.toml").read_text("utf-8"))


async def create(tx: Transaction, shop: Shop) -> None:
    """Give a new shop its canned texts."""
    now = clock.now()
    for code, text in texts().items():
        script = Script(id=new_id(), shop_id=shop.id, code=code, created_at=now)
        await script.save(using_db=tx, force_create=True)
        await ScriptVersion.create(
            using_db=tx,
            shop_id=shop.id,
            script_id=script.id,
            number=1,
            texts={locale: text[locale] for locale in ("zh", "en")},
            reasons=text["reasons"],
            desks=text["desks"],
            author=AUTHOR,
            created_at=now,
        )


async def create_missing() -> None:
    """Give every shop that never had a canned text the first ones."""

    async def work(tx: Transaction) -> None:
        await tx.execute_query(_ONE_AT_A_TIME)
        shops: list[Shop] = await Shop.raw(_WITHOUT_SCRIPTS, using_db=tx)
        for shop in shops:
            await create(tx, shop)

    await database.transaction(work)
