"""The demo's data folder: what lies in it, and how it is emptied without harming anything else."""

import asyncio
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from refund_gql import database, vault
from refund_gql.demo.failure import CannotStart
from refund_gql.demo.people import OWNER
from refund_gql.demo.shop import HANDLE
from refund_gql.settings import Settings

_MARKER = "demo.json"
_LEDGER = "sandbox.sqlite"
_OTHERS = """
select count(*) from pg_stat_activity
 where backend_type = 'client backend' and datname = current_database()
   and pid <> pg_backend_pid()
"""
_PRECIOUS = """
select handle from shop
 where handle <> $1 or not exists (
    select from staff where staff.shop_id = shop.id and staff.email = $2)
"""


@dataclass(frozen=True)
class Folder:
    """A folder on this machine, with a file that says it is the demo's."""

    path: Path

    @property
    def ledger(self) -> Path:
        """The books of the sandbox: bank, courier, CRM and inbox."""
        return self.path / _LEDGER

    @property
    def tokens(self) -> Mapping[str, str]:
        """The tokens that were kept here, by role."""
        kept = self._kept().get("tokens")
        return {str(role): str(token) for role, token in kept.items()} if kept else {}

    @property
    def secret_key(self) -> str:
        """The vault's key, made by `mark`."""
        return str(self._kept().get("secret_key", ""))

    def keep(self, tokens: Mapping[str, str]) -> None:
        """Keep the tokens, and the vault's key, where nobody else can read them."""
        content = {"tokens": tokens, "secret_key": self.secret_key or vault.new_key()}
        self.path.mkdir(parents=True, exist_ok=True)
        fresh = self._marker.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            json.dump(content, file)
        fresh.replace(self._marker)

    def mark(self) -> None:
        """Say whose folder this is, before anything else is in it."""
        if not self.secret_key:
            self.keep(self.tokens)

    def _kept(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._marker.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return {}

    @property
    def _marker(self) -> Path:
        return self.path / _MARKER

    @property
    def _cluster(self) -> Path:
        return self.path / "postgres"

    # --- --fresh ------------------------------------------------------------------------------

    async def clear(self, settings: Settings) -> None:
        """Delete the demo's database, ledger and tokens, and nothing else.

        Raises CannotStart when the folder is not the demo's, holds another shop, or is in use.
        """
        if settings.database_url is not None:
            raise CannotStart(
                "--fresh empties the demo's own folder only, and REFUND_GQL_DATABASE_URL names a "
                "database elsewhere: drop and create that one yourself"
            )
        if self._cluster.exists() and any(self._cluster.iterdir()):
            self._refuse_strange()
            await self._refuse_precious(settings)
            if (self._cluster / "postmaster.pid").exists():
                raise self._in_use()
            await asyncio.to_thread(shutil.rmtree, self._cluster)
        if self._marker.exists():
            for name in (_LEDGER, f"{_LEDGER}-wal", f"{_LEDGER}-shm", _MARKER):
                (self.path / name).unlink(missing_ok=True)

    def _refuse_strange(self) -> None:
        ours = self._marker.is_file() and (self._cluster / "PG_VERSION").is_file()
        if not ours or self._cluster.is_symlink():
            raise CannotStart(
                f"{self.path} was not made by the demo ({_MARKER} is missing, or `postgres` is no "
                "database of ours): nothing was deleted; name another folder with --data"
            )

    def _in_use(self) -> CannotStart:
        return CannotStart(
            f"the database in {self.path} is in use: nothing was deleted; stop what runs there"
        )

    async def _refuse_precious(self, settings: Settings) -> None:
        """Look into the database before it goes."""
        async with database.server(settings) as url:
            connection = await asyncpg.connect(url)
            try:
                if await connection.fetchval(_OTHERS):
                    raise self._in_use()
                others = await _precious_shops(connection)
            finally:
                await connection.close()
        if others:
            raise CannotStart(
                f"the database in {self.path} holds more than the demo: {', '.join(others)}; "
                "nothing was deleted; name another folder with --data"
            )


async def _precious_shops(connection: asyncpg.Connection) -> list[str]:
    if await connection.fetchval("select to_regclass('shop') is null"):
        return []
    return [row["handle"] for row in await connection.fetch(_PRECIOUS, HANDLE, OWNER.email)]
