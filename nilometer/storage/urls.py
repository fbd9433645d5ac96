"""Where a ledger is: ``sqlite:///path/to/file.db`` or ``postgresql://user@host/db?schema=name``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit, urlunsplit

from domain.errors import InputError
from domain.record import Record, record

DEFAULT_URL = "sqlite:///nilometer.db"
DEFAULT_SCHEMA = "nilometer"
_SECRET = re.compile(
    r"(?P<name>[?&;][^=&;#]*(?:pass|pwd|secret|token|key|credential|auth)[^=&;#]*=)[^&;#]*", re.IGNORECASE
)
"""A parameter that looks like a password, beside the one before the ``@``; ``sslpassword`` and ``passfile`` too."""
_SECRET_IN_TEXT = re.compile(_SECRET.pattern.replace("&;#]", r"&;#\s'\"]"), re.IGNORECASE)
_USER = re.compile(r"(?P<user>://[^/?#@:]*:).*@", re.DOTALL)
"""What stands before a password that is not written as a URL has it: with a ``/``, a ``?`` or a ``#``."""
_USER_IN_TEXT = re.compile(r"(?P<user>://[^/?#@:\s]*:)\S*@")
_ENCODED = "in a password, write / as %2F, ? as %3F, # as %23 and @ as %40"
_HINT = "write sqlite:///path/to/file.db or postgresql://user@host/database"


@record()
class SQLiteLocation(Record):
    """A ledger in a file."""

    path: Path

    def __str__(self) -> str:
        return f"sqlite:///{self.path}"

    def uri(self, mode: str) -> str:
        """The file as SQLite's URI, opened in ``mode`` (``ro``, ``rw`` or ``rwc``)."""
        return f"file:{quote(str(self.path.absolute()))}?mode={mode}"


@record()
class PostgresLocation(Record):
    """A ledger in a schema of a PostgreSQL database."""

    host: str
    """A name, an address, or the folder of a Unix socket; empty for the client's default."""
    port: str
    user: str
    password: str
    database: str
    schema: str

    def __str__(self) -> str:
        secret = ":***" if self.password else ""
        at = f"{quote(self.user, safe='')}{secret}@" if self.user else ""
        host = quote(self.host, safe="")
        port = f":{self.port}" if self.port else ""
        database, schema = quote(self.database, safe=""), quote(self.schema, safe="")
        return f"postgresql://{at}{host}{port}/{database}?schema={schema}"


Location = SQLiteLocation | PostgresLocation


def parse_url(url: str) -> Location:
    """Reads the URL of a ledger. Raises ``InputError`` with what to write instead."""
    given = cast("object", url)
    if not isinstance(given, str):
        raise InputError(f"a {type(given).__name__} is not the URL of a ledger", hint=_HINT)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        if "@" in url:  # the error may show a part of the password
            raise InputError(f"{masked(url)!r} is not the URL of a ledger", hint=f"{_HINT}; {_ENCODED}") from None
        raise InputError(f"{url!r} is not the URL of a ledger: {error}", hint=_HINT) from None
    if parts.scheme == "sqlite":
        return _sqlite(url)
    if parts.scheme in ("postgresql", "postgres"):
        return _postgres(url, parts, port)
    raise InputError(f"{masked(url)!r} is not the URL of a ledger", hint=_HINT)


def _sqlite(url: str) -> SQLiteLocation:
    prefix, path = url[: len("sqlite:///")], url[len("sqlite:///") :]
    if prefix != "sqlite:///" or not path or ":memory:" in path or "mode=memory" in path:
        hint = "write sqlite:///file.db, or sqlite:////srv/file.db from the root"
        raise InputError(f"{url!r} names no file", hint=hint)
    return SQLiteLocation(Path(path))


def _postgres(url: str, parts: SplitResult, port: int | None) -> PostgresLocation:
    if ":" in parts.netloc and "@" in url.partition(parts.netloc)[2]:
        raise InputError(f"{masked(url)!r} has an @ behind its host", hint=f"{_ENCODED}; in other names too")
    options = dict(parse_qsl(parts.query))
    schema = options.pop("schema", DEFAULT_SCHEMA)
    # Not ``parts.hostname``, which lowers the case: the folder of a socket has one.
    at = parts.netloc.rpartition("@")[2]
    name, colon, digits = at.rpartition(":")
    name = name if colon and (not digits or port is not None) else at
    host = options.pop("host", None) or unquote(name.removeprefix("[").removesuffix("]"))
    database = unquote(parts.path.removeprefix("/"))
    if options:
        unknown = min(options)
        raise InputError(f"{masked(url)!r} has the unknown option {unknown!r}", hint="known are host and schema")
    if not database:
        raise InputError(f"{masked(url)!r} names no database", hint=_HINT)
    if not schema or len(schema.encode()) > 63 or schema.startswith("pg_") or re.search(r"[%\x00-\x1f\x7f]", schema):
        hint = "write another: at most 63 bytes, without % and control characters, and not pg_…"
        raise InputError(f"the schema {schema!r} cannot hold a ledger", hint=hint)
    return PostgresLocation(
        host=host,
        port=str(port or ""),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=database,
        schema=schema,
    )


def masked(url: str) -> str:
    """The URL as it may be shown: without its password."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return mask_texts(_SECRET.sub(r"\g<name>***", url.rpartition("@")[2]))
    if password and "@" not in url.partition(parts.netloc)[2]:
        user, _, host = parts.netloc.rpartition("@")
        parts = parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}")
        return _SECRET.sub(r"\g<name>***", urlunsplit(parts))
    return _SECRET.sub(r"\g<name>***", _USER.sub(r"\g<user>***@", url))


def mask_texts(text: str) -> str:
    """A text as it may be shown: of each URL in it, without its password."""
    if "://" not in text:
        return text
    return _SECRET_IN_TEXT.sub(r"\g<name>***", _USER_IN_TEXT.sub(r"\g<user>***@", text))
