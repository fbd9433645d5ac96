"""The API: what the commands print, described, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from jsonschema import Draft202012Validator

from tests.nilometer.cli.serving.conftest import Shop

pytestmark = pytest.mark.xdist_group("serving")

TIMES = re.compile(r'"(begun|ended)": "[^"]*"')
"""When an audit ran."""
QUESTIONS = [
    ("view", ["view"]),
    ("view?of=lab.vm0", ["view", "lab.vm0"]),
    ("view?at=2026-11-23T12:00:00Z&host=hv01", ["view", "--at", "2026-11-23T12:00:00Z", "--host", "hv01"]),
    ("log?n=5", ["log", "-n", "5"]),
    ("log?vm=web01&asked=true", ["log", "--vm", "web01", "--asked"]),
    ("log?actor=nobody-at-all", ["log", "--actor", "nobody-at-all"]),
    ("short?at=2026-11-23T19:00:00Z", ["short", "--at", "2026-11-23T19:00:00Z"]),
    ("diff?from=8&to=14", ["diff", "8", "14"]),
    ("info", ["info"]),
    ("audit", ["audit"]),
]


@pytest.mark.parametrize(("question", "command"), QUESTIONS, ids=[question for question, _ in QUESTIONS])
def test_an_answer_is_what_the_command_prints(shop: Shop, question: str, command: list[str]) -> None:
    called = shop.desk.call(*command, "--format", "json")
    answer = shop.server.ask(f"/api/{question}")
    assert answer.status == 200
    assert TIMES.sub("", answer.text) == TIMES.sub("", called.out)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("view?vm=nobody", "there is no VM 'nobody'"),
        ("view?at=never", "'never' is not a time"),
        ("log?bogus=1", "'bogus' is not a parameter of log"),
        ("log?follow=true", "'follow' is not a parameter of log"),
        ("view?ledger=sqlite:///other.db", "'ledger' is not a parameter of view"),
        ("diff?from=1", "diff needs to"),
        ("log?asked=perhaps", "asked is 'perhaps', not true or false"),
        ("log?n=-3", "invalid value for '-n'"),
        (f"log?vm={quote('--ledger=sqlite:///x.db')}", "there is no VM '--ledger=sqlite:///x.db'"),
    ],
)
def test_a_wrong_question_is_answered_with_what_is_wrong(shop: Shop, question: str, message: str) -> None:
    answer = shop.server.ask(f"/api/{question}")
    assert answer.status == 400
    assert message in answer.json["error"]["message"]


@pytest.mark.parametrize("name", ["do", "record", "run", "prove", "serve", "openapi"])
def test_only_what_reads_is_served(shop: Shop, name: str) -> None:
    assert shop.server.ask(f"/api/{name}").status == 404


def validate(document: object, schema: Any) -> None:
    validator: Any = Draft202012Validator(schema)
    validator.validate(document)


def test_the_description_describes_what_is_answered(shop: Shop) -> None:
    # given the description
    document = shop.server.ask("/api/openapi.json").json
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        operation = methods["get"]
        if not path.startswith("/api/"):
            continue
        # when what it describes is asked
        needed = "&".join(f"{each['name']}=5" for each in operation["parameters"] if each["required"])
        answer = shop.server.ask(f"{path}?{needed}")
        ((kind, content),) = operation["responses"]["200"]["content"].items()
        # then the answer is of that kind, and fits the schema
        assert answer.headers["content-type"].startswith(kind)
        schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
        lines = answer.text.splitlines() if kind == "application/jsonl" else [answer.text]
        for line in lines[:20]:
            validate(json.loads(line), schema)
        # and every parameter is known
        for parameter in operation["parameters"]:
            refused = shop.server.ask(f"{path}?{parameter['name']}=x&bogus=1").json
            assert "bogus" in refused["error"]["message"] or parameter["name"] in refused["error"]["message"]
    refused = shop.server.ask("/api/view?bogus=1").json
    validate(refused, document["components"]["schemas"]["Error"])
