"""Where the bytes of files lie: a folder, or any store that fsspec knows by its URL.

A key is `<shop>/<id>`, made anew for every upload and never used again, so that nothing is ever
overwritten. The database decides which keys count; `keys` finds those that count no more.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileOpener

from refund_gql.errors import Unavailable
from refund_gql.settings import Settings

T = TypeVar("T")

_BLOCK = 256 * 1024
"""Bytes that are read at once."""


class Storage:
    """One store. fsspec's calls block, so each runs on a thread.

    Everything raises Unavailable when the store cannot be reached, or lacks what it should have.
    """

    def __init__(self, filesystem: AbstractFileSystem, root: str) -> None:
        self._filesystem, self._root = filesystem, root.rstrip("/")

    async def write(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Store what comes. When `chunks` raises, or whoever waits goes away, nothing is left,
        unless this process dies: then `keys` finds the beginning."""
        file = await _on_a_thread(self._create, key)
        try:
            async for chunk in chunks:
                await _on_a_thread(file.write, chunk)
            await _on_a_thread(_finish, file)
        except BaseException:
            await asyncio.shield(_on_a_thread(self._abandon, file, key))
            raise

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """What was stored, in blocks; it is there when this returns."""
        file = await _on_a_thread(self._filesystem.open, self._path(key), "rb")
        return _blocks(file)

    async def delete(self, key: str) -> None:
        """Forget it; what is gone already is no mistake."""
        await _on_a_thread(self._delete, key)

    async def keys(self, folder: str) -> list[str]:
        """Every key that begins with `<folder>/`."""
        return await _on_a_thread(self._keys, folder)

    # --- on a thread --------------------------------------------------------------------------

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _create(self, key: str) -> Any:
        path = self._path(key)
        self._filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
        return self._filesystem.open(path, "wb")

    def _abandon(self, file: Any, key: str) -> None:
        file.close()
        self._delete(key)

    def _delete(self, key: str) -> None:
        try:
            self._filesystem.rm_file(self._path(key))
        except FileNotFoundError:
            return

    def _keys(self, folder: str) -> list[str]:
        self._filesystem.invalidate_cache()  # others write too
        found = self._filesystem.find(self._path(folder))
        return [f"{folder}/{path.rpartition('/')[2]}" for path in found]


def of(settings: Settings) -> Storage:
    """The store of this process. Raises ValueError for a URL that fsspec does not know, and
    ImportError naming the package that it needs."""
    url = settings.files_url
    if url is None:
        # What customers show is nobody else's business on this machine.
        folder = settings.data / "files"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        url = folder.resolve().as_uri()
    filesystem, root = url_to_fs(url)
    return Storage(filesystem, root)


def _finish(file: Any) -> None:
    if isinstance(file, LocalFileOpener):
        # Its row may be on another disk: it must not outlive the bytes when the power fails.
        file.flush()
        os.fsync(file.fileno())
    file.close()


async def _blocks(file: Any) -> AsyncIterator[bytes]:
    try:
        while block := await _on_a_thread(file.read, _BLOCK):
            yield block
    finally:
        await _on_a_thread(file.close)


async def _on_a_thread(work: Callable[..., T], *arguments: Any) -> T:
    try:
        return await asyncio.to_thread(work, *arguments)
    except OSError as error:
        raise Unavailable("the store of files cannot be reached") from error
