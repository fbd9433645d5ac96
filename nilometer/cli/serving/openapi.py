"""The description of the API in OpenAPI 3.1: from the options of the commands and the published schemas."""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

import click

from nilometer.cli.serving.api import DEFAULT_LINES, SERVED, command_of, parameters_of

Document = dict[str, Any]

_ERROR: Final[Document] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "hint"],
            "properties": {"message": {"type": "string"}, "hint": {"type": "string"}},
        }
    },
}


@cache
def description() -> Document:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nilo serve",
            "version": version("nilometer"),
            "description": "What the commands of nilo print as JSON, read-only. Sizes are bytes, times are UTC.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            **{f"/api/{name}": {"get": _operation(name)} for name in SERVED},
            "/events": {"get": _events()},
            "/metrics": {"get": _metrics()},
        },
        "components": {
            "schemas": {"Error": _ERROR, **{served.schema: _schema(served.schema) for served in SERVED.values()}},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(name: str) -> Document:
    served = SERVED[name]
    kind = "application/jsonl" if served.is_lines else "application/json"
    help = (command_of(name).help or "").partition("\b")[0].split("\n\n")[0]
    lines = (
        f" One document a line; the newest {DEFAULT_LINES}, unless n says another number." if served.is_lines else ""
    )
    return {
        "operationId": name,
        "summary": " ".join(help.split()),
        "description": f"What `nilo {name} --format json` prints.{lines}",
        "parameters": [_parameter(key, parameter) for key, parameter in parameters_of(name).items()],
        "responses": {
            "200": {
                "description": "The answer.",
                "content": {kind: {"schema": {"$ref": f"#/components/schemas/{served.schema}"}}},
            },
            **{
                status: {
                    "description": words,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
                for status, words in (
                    ("400", "What was asked cannot be answered; the message says why."),
                    ("401", "A token is needed."),
                    ("503", "Too much is asked at once."),
                    ("504", "It took too long."),
                )
            },
        },
    }


def _parameter(key: str, parameter: click.Parameter) -> Document:
    help = parameter.help if isinstance(parameter, click.Option) else {
        "from": "The earlier moment: a position or a time.",
        "to": "The later moment: a position or a time.",
        "of": "A VM or a host, by its id or its name.",
    }[key]  # fmt: skip
    schema: Document = {"type": "string"}
    if isinstance(parameter, click.Option) and parameter.is_flag:
        schema = {"type": "boolean"}
    elif isinstance(parameter.type, click.IntRange):
        schema = {"type": "integer", "minimum": parameter.type.min or 0}
    elif isinstance(parameter.type, click.Choice):
        schema = {"type": "string", "enum": [str(choice) for choice in parameter.type.choices]}
    return {"name": key, "in": "query", "required": key in ("from", "to"), "description": help or "", "schema": schema}


def _schema(name: str) -> Document:
    document: Document = json.loads((files("nilometer.schemas") / f"{name}.json").read_text("utf-8"))
    return document


def _events() -> Document:
    return {
        "operationId": "events",
        "summary": "What is recorded from now on, as server-sent events; the id is the ledger's position.",
        "parameters": [
            {
                "name": "after",
                "in": "query",
                "description": "The position that is known; a browser sends it as Last-Event-ID.",
                "schema": {"type": "integer", "minimum": 0},
            }
        ],
        "responses": {"200": {"description": "A stream.", "content": {"text/event-stream": {}}}},
    }


def _metrics() -> Document:
    return {
        "operationId": "metrics",
        "summary": "Figures for Prometheus.",
        "responses": {"200": {"description": "Metrics as text.", "content": {"text/plain": {}}}},
    }
