"""More databases on the server of the test session."""

import asyncpg


async def empty_database(url: str, name: str) -> str:
    """A new, empty database beside the one of `url`; its URL."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"drop database if exists {name} with (force)")
        await connection.execute(f"create database {name}")
    finally:
        await connection.close()
    return url.replace("/refund_gql?", f"/{name}?")
