"""The address of a catalog in PostgreSQL: what libpq takes, and the schema that holds everything."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from weft.domain.address import public_address
from weft.domain.errors import Misconfigured

SCHEMES: Final = ("postgresql", "postgres")
_SCHEMA: Final = "schema"
_NAME: Final = re.compile("[a-z_][a-z0-9_]{0,47}")


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """``connection``: the address for libpq, secrets included; ``schema``: of that database, ``weft`` unless the query
    says ``schema=…``; ``public``: without secrets."""

    connection: str = field(repr=False)
    schema: str
    public: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Raises Misconfigured."""
        public = public_address(url, "catalog")
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES:
            known = ", ".join(f"{one}://" for one in SCHEMES)
            raise Misconfigured(
                f"the catalog {public!r} is in no database that Weft knows; its address begins with one of {known}; "
                "leave WEFT_CATALOG out to keep the catalog in the data folder, for one server"
            )
        query = parse_qsl(parts.query, keep_blank_values=True)
        schema = dict(query).get(_SCHEMA, "weft")
        if not _NAME.fullmatch(schema):
            raise Misconfigured(
                f"the schema of the catalog {public!r} must be lower-case letters, digits and _, 48 at most, beginning "
                f"with a letter, not {schema[:60]!r}"
            )
        rest = urlencode([(name, value) for name, value in query if name != _SCHEMA])
        return cls(urlunsplit(parts._replace(query=rest)), schema, f"{public}?schema={schema}")
