"""Where a file is: on this machine, or in a bucket of S3 (``s3://bucket/key``, which needs ``weft[s3]``).

Credentials, region and endpoint of S3 come from the environment (``AWS_ACCESS_KEY_ID``, ``AWS_REGION``,
``AWS_ENDPOINT_URL`` …), as obstore reads it.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

from weft.domain.errors import Invalid, Misconfigured, OperatorError

if TYPE_CHECKING:
    from obstore.store import S3Store

SCHEME = "s3://"
_BUFFER_BYTES = 4 << 20
_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file. ``name`` is as a person writes it; ``version`` changes with the content."""

    name: str
    size_bytes: int
    version: str

    @property
    def short(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        return Path(self.short).suffix.lower()

    def open(self) -> IO[bytes]:
        """For reading; it can seek. Raises OSError, or OperatorError for a bucket."""
        if not self.name.startswith(SCHEME):
            return Path(self.name).open("rb")
        return io.BufferedReader(_Blob(self.name, self.size_bytes), _BUFFER_BYTES)


def found(name: str, takes: Callable[[str], bool]) -> list[SourceFile]:
    """The file ``name``, or the files that a folder or a name with ``*`` and ``?`` stands for, in order.

    Of a folder, at any depth, those that ``takes`` accepts by name. Raises Invalid if there are none.
    """
    places = _in_bucket(name, takes) if name.startswith(SCHEME) else _on_disk(name, takes)
    if not places:
        raise Invalid(f"{name} holds no file that can be read")
    return places


def _on_disk(name: str, takes: Callable[[str], bool]) -> list[SourceFile]:
    path = Path(name)
    if path.is_dir():
        return [_file(one) for one in sorted(path.rglob("*")) if one.is_file() and takes(one.name)]
    if path.is_file():
        return [_file(path)]
    if _WILD & set(name):
        root = Path(path.anchor) if path.is_absolute() else Path()
        pattern = str(path.relative_to(root)) if path.is_absolute() else name
        return [_file(one) for one in sorted(root.glob(pattern)) if one.is_file()]
    raise Invalid(f"{name} is not a file")


def _file(path: Path) -> SourceFile:
    stat = path.stat()
    return SourceFile(str(path), stat.st_size, str(stat.st_mtime_ns))


def _in_bucket(name: str, takes: Callable[[str], bool]) -> list[SourceFile]:
    import_obstore()
    import obstore

    bucket, _, key = name.removeprefix(SCHEME).partition("/")
    fixed = next((key[:i] for i, letter in enumerate(key) if letter in _WILD), key)
    prefix = fixed if fixed == key else fixed.rpartition("/")[0]
    with explained(name):
        pages = list(obstore.list(store_of(bucket), prefix=prefix.rstrip("/") or None))
    blobs = [blob for page in pages for blob in page]
    if fixed != key:
        chosen = [blob for blob in blobs if fnmatchcase(blob["path"], key)]
    elif exact := [blob for blob in blobs if blob["path"] == key]:
        chosen = exact
    elif not blobs and key and not key.endswith("/"):
        with explained(name):
            chosen = [obstore.head(store_of(bucket), key)]
    else:
        chosen = [blob for blob in blobs if takes(blob["path"].rpartition("/")[2])]
    return [
        SourceFile(f"{SCHEME}{bucket}/{blob['path']}", blob["size"], str(blob["e_tag"] or blob["last_modified"]))
        for blob in sorted(chosen, key=lambda one: one["path"])
    ]


class _Blob(io.RawIOBase):
    """A blob as a file: each read is a request for a range."""

    def __init__(self, name: str, size_bytes: int) -> None:
        super().__init__()
        self._name = name
        self._bucket, _, self._key = name.removeprefix(SCHEME).partition("/")
        self._size_bytes = size_bytes
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size_bytes}[whence]
        self._at = max(begin + offset, 0)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        import obstore

        length = min(len(buffer), self._size_bytes - self._at)
        if length <= 0:
            return 0
        with explained(self._name):
            data = obstore.get_range(store_of(self._bucket), self._key, start=self._at, length=length)
        buffer[: len(data)] = memoryview(data)
        self._at += len(data)
        return len(data)


@cache
def store_of(bucket: str) -> S3Store:
    """The bucket, as the environment says how it is reached. Raises Misconfigured, OperatorError."""
    import_obstore()
    from obstore.store import S3Store

    endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or ""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    with explained(f"{SCHEME}{bucket}"):
        return S3Store(bucket, region=region, client_options={"allow_http": endpoint.startswith("http://")})


def import_obstore() -> None:
    """Raises Misconfigured where it is not installed."""
    try:
        import obstore  # noqa: F401
    except ImportError:
        raise Misconfigured("s3:// needs the package obstore; install it with: pip install 'weft[s3]'") from None


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Raises OperatorError in place of the store's exceptions."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        raise OperatorError(
            f"{name} cannot be used ({first}); check the name, AWS_ENDPOINT_URL and the credentials"
        ) from error
