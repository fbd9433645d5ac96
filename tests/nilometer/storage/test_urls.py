"""The URLs of ledgers: what they name, and what is shown of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from nilometer.storage.urls import PostgresLocation, SQLiteLocation, mask_texts, masked, parse_url


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///fleet.db", "fleet.db"),
        ("sqlite:////srv/nilo/fleet.db", "/srv/nilo/fleet.db"),
        ("sqlite:///a folder/größe 100 %.db", "a folder/größe 100 %.db"),
        ("sqlite:///what?is#this.db", "what?is#this.db"),
    ],
)
def test_the_url_of_a_file(url: str, path: str) -> None:
    place = parse_url(url)
    assert isinstance(place, SQLiteLocation)
    assert str(place.path) == path
    assert str(place) == url


def test_sqlite_opens_the_very_file_that_is_named() -> None:
    assert SQLiteLocation(Path("/srv/50 %?a#b.db")).uri("ro") == "file:/srv/50%20%25%3Fa%23b.db?mode=ro"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://ann@db.example/fleet", PostgresLocation("db.example", "", "ann", "", "fleet", "nilometer")),
        ("postgres://db:5433/fleet?schema=lab", PostgresLocation("db", "5433", "", "", "fleet", "lab")),
        ("postgresql:///fleet", PostgresLocation("", "", "", "", "fleet", "nilometer")),
        ("postgresql://ann:p%40ss@db/fleet", PostgresLocation("db", "", "ann", "p@ss", "fleet", "nilometer")),
        ("postgresql://ann@/fleet?host=/run/PG", PostgresLocation("/run/PG", "", "ann", "", "fleet", "nilometer")),
        ("postgresql://ann@%2Frun%2FPG/fleet", PostgresLocation("/run/PG", "", "ann", "", "fleet", "nilometer")),
        ("postgresql://[::1]:5432/fleet", PostgresLocation("::1", "5432", "", "", "fleet", "nilometer")),
        ("postgresql://db:/fleet", PostgresLocation("db", "", "", "", "fleet", "nilometer")),
    ],
)
def test_the_url_of_a_schema(url: str, place: PostgresLocation) -> None:
    assert parse_url(url) == place


@pytest.mark.parametrize(
    "url",
    [
        "",
        "fleet.db",
        "sqlite:fleet.db",
        "sqlite://fleet.db",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory",
        "mysql://db/fleet",
        "postgresql://db",
        "postgresql://db/",
        "postgresql://db:port/fleet",
        "postgresql://[db/fleet",
        "postgresql://db/fleet?sslmode=require",
        "postgresql://db/fleet?schema=pg_catalog",
        "postgresql://db/fleet?schema=50%25",
        f"postgresql://db/fleet?schema={'x' * 64}",
    ],
)
def test_what_names_no_ledger_is_told_with_what_to_write(url: str) -> None:
    with pytest.raises(InputError) as error:
        parse_url(url)
    assert error.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:geheim@db/fleet",
        "postgresql://ann:geheim@db:port/fleet",
        "postgresql://ann:geheim@[db/fleet",
        "postgresql://ann:geheim@db/fleet?what=else",
        "postgresql://ann:geheim@db",
        "mysql://ann:geheim@db/fleet",
        "postgresql://ann:geheim%40geheim@db/fleet",
        "postgresql://ann:geheim@geheim@db/fleet",
        "postgresql://ann@db/fleet?password=geheim",
        "postgresql://ann:geheim@db/fleet?schema=it&Password=geheim&x=y",
        "postgresql://ann@[db/fleet?sslpassword=geheim",
        "mysql://ann@db/fleet?password=geheim",
        "postgresql://ann:geheim/1@db/fleet",
        "postgresql://ann:1/geheim@db/fleet",
        "postgresql://ann:1?geheim@db/fleet",
        "postgresql://ann:12#geheim@db/fleet",
        "postgresql://ann:1@2/geheim@db/fleet",
        "postgresql://ann:geheim geheim/@db/fleet",
        "postgresql://:geheim/geheim@db/fleet",
    ],
)
def test_a_password_is_never_shown(url: str) -> None:
    assert "geheim" not in masked(url)
    try:
        shown = str(parse_url(url))
    except InputError as error:
        shown = error.message + error.hint
    assert "geheim" not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a://u:p@h/d: no such file", "a://u:***@h/d: no such file"),
        ("'a://u:p/q@h/d' and b://v:w@i/e", "'a://u:***@h/d' and b://v:***@i/e"),
        ("extra argument (a://u@h/d?password=p&x=y)", "extra argument (a://u@h/d?password=***&x=y)"),
        ("a://u@h/d?passwd=p is not a file; write key=value", "a://u@h/d?passwd=*** is not a file; write key=value"),
        ("a://h:5432/d, mail ann@db; key=value", "a://h:5432/d, mail ann@db; key=value"),
        ("no URL; password=p", "no URL; password=p"),
    ],
)
def test_texts_with_urls_are_shown_without_their_passwords(text: str, shown: str) -> None:
    assert mask_texts(text) == shown


words = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=10)


@given(host=words, user=words, database=words, port=st.sampled_from(["", "5433"]))
def test_what_is_shown_of_a_place_without_a_password_names_it(host: str, user: str, database: str, port: str) -> None:
    place = PostgresLocation(host, port, user, "", database, "nilometer")
    assert parse_url(str(place)) == place
