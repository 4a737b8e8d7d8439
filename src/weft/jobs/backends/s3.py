"""The backend ``s3``: a bucket of Amazon S3 or of anything that speaks its protocol. Needs ``weft[s3]``.

Credentials, region and the rest of the machine's identity come from the environment (``AWS_ACCESS_KEY_ID``,
``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``, ``AWS_REGION``, a profile of the instance), as obstore reads it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.domain.errors import Invalid, Misconfigured, OperatorError
from weft.domain.json_values import JsonValue
from weft.jobs.backends.backend import Backend, BlobFolder, Location

if TYPE_CHECKING:
    from obstore.store import S3Store

_PROVIDED = "s3.amazonaws.com"
_RETRY_S = 60
_REGION = "us-east-1"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
"""As Amazon's older names, which other storages have, too; today's are in lower case and at most 63 characters."""
_LONGEST_PATH = 900
_PANIC = "PanicException"


class S3Folder(BlobFolder):
    def __init__(self, store: S3Store, bucket: str, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self.home = f"s3://{bucket}/{prefix}"

    def put(self, key: str, data: bytes) -> None:
        self._put(key, data)

    def put_file(self, key: str, path: Path) -> None:
        self._put(key, path)

    def _put(self, key: str, data: bytes | Path) -> None:
        import obstore

        with _explained(self.home):
            obstore.put(self._store, f"{self._prefix}/{key}", data)

    def get(self, key: str) -> bytes | None:
        import obstore

        with _explained(self.home):
            try:
                return bytes(obstore.get(self._store, f"{self._prefix}/{key}").bytes())
            except (FileNotFoundError, obstore.exceptions.NotFoundError):
                return None

    def get_range(self, key: str, start: int, length: int) -> bytes | None:
        import obstore

        with _explained(self.home):
            try:
                return bytes(obstore.get_range(self._store, f"{self._prefix}/{key}", start=start, length=length))
            except (FileNotFoundError, obstore.exceptions.NotFoundError):
                return None

    def is_empty(self) -> bool:
        import obstore

        with _explained(self.home):
            return not any(page for page in obstore.list(self._store, prefix=f"{self._prefix}/", chunk_size=1))

    def clear(self, prefix: str) -> None:
        import obstore

        with _explained(self.home):
            for page in obstore.list(self._store, prefix=f"{self._prefix}/{prefix}"):
                obstore.delete(self._store, [blob["path"] for blob in page])


class S3Backend(Backend):
    """``bucket`` and ``path``: the location if a request states none."""

    name = "s3"
    module = "backup-s3"

    def __init__(
        self, bucket: str, path: str, endpoint: str, *, use_ssl: bool, environ: Mapping[str, str] = os.environ
    ) -> None:
        _check_installed()
        self._bucket, self._path = bucket, path
        self._endpoint = endpoint.removeprefix("https://").removeprefix("http://").rstrip("/") or _PROVIDED
        self._use_ssl = use_ssl
        self._environ = environ
        self._stores: dict[str, S3Store] = {}

    def meta(self) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {"name": "Backups in S3", "endpoint": self._endpoint}
        found |= {"bucketName": self._bucket, "useSSL": self._use_ssl}
        return found | ({"rootName": self._path} if self._path else {})

    def folder(self, id: str, location: Location) -> S3Folder:
        bucket = location.bucket or self._bucket
        if not bucket:
            raise Invalid("no bucket is named; set BACKUP_S3_BUCKET, or EXPORT_DEFAULT_BUCKET for exports")
        if not _BUCKET.fullmatch(bucket) or ".." in bucket:
            raise Invalid(
                f"{bucket[:80]!r} is not the name of a bucket, which has 3 to 255 letters, digits, dots, hyphens and "
                "underscores"
            )
        return S3Folder(self._store(bucket), bucket, "/".join((*_parts(location.path or self._path), id)))

    def holds(self, location: Location) -> bool:
        own = _parts(self._path)
        within = not location.path or _parts(location.path)[: len(own)] == own
        return within and location.bucket in ("", self._bucket)

    def ids(self) -> list[str]:
        import obstore

        if not self._bucket:
            return []
        with _explained(f"s3://{self._bucket}"):
            prefix = "/".join(_parts(self._path))
            found = obstore.list_with_delimiter(self._store(self._bucket), prefix=prefix or None)
            return [folder.rstrip("/").rpartition("/")[2] for folder in found["common_prefixes"]]

    def _store(self, bucket: str) -> S3Store:
        if bucket not in self._stores:
            from obstore.store import S3Store

            region = self._environ.get("AWS_REGION") or self._environ.get("AWS_DEFAULT_REGION") or _REGION
            options: dict[str, Any] = {"region": region}
            if self._endpoint != _PROVIDED:
                options["endpoint"] = f"{'https' if self._use_ssl else 'http'}://{self._endpoint}"
            with _explained(f"s3://{bucket}"):
                self._stores[bucket] = S3Store(
                    bucket,
                    client_options={"allow_http": not self._use_ssl},
                    retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=_RETRY_S)},
                    **options,
                )
        return self._stores[bucket]


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part]
    if any(part in (".", "..") for part in parts):
        raise Invalid(f"a path within a bucket must contain no . or .. as a segment, but {path[:200]!r} does")
    if len(path) > _LONGEST_PATH or not path.isprintable():
        raise Invalid(f"a path within a bucket has at most {_LONGEST_PATH} characters, all of them printable")
    return parts


def _check_installed() -> None:
    try:
        import obstore  # noqa: F401
    except ImportError:
        raise Misconfigured("backups to S3 need the package obstore; install it with: pip install 'weft[s3]'") from None


@contextmanager
def _explained(place: str) -> Iterator[None]:
    """Raises OperatorError in place of the store's exceptions, except for a missing blob."""
    from obstore.exceptions import BaseError, NotFoundError

    try:
        yield
    except (FileNotFoundError, NotFoundError) as error:
        raise OperatorError(
            f"{place} does not exist ({_first_line(error)}); create the bucket or name another"
        ) from error
    except (BaseError, OSError) as error:
        raise OperatorError(
            f"{place} refused the request ({_first_line(error)}); check the endpoint, the bucket and the credentials"
        ) from error
    except BaseException as error:
        if type(error).__name__ != _PANIC:  # of Rust, which no handler of exceptions would see
            raise
        raise OperatorError(f"{place} cannot be used: the client of the object store failed") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
