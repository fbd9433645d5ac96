"""What is wrong with a value, in words of people: those of the library that checks it are for programmers."""

from __future__ import annotations

from typing import Final

from pydantic_core import ErrorDetails

_WORDS: Final = {
    "missing": "is missing",
    "int_type": "is not a whole number",
    "int_from_float": "is not a whole number",
    "int_parsing": "is not a whole number",
    "int_parsing_size": "is not a whole number of under 4,300 digits",
    "float_type": "is not a number",
    "bool_type": "is neither true nor false",
    "string_type": "is not a text",
    "string_unicode": "has half of a surrogate pair",
    "string_too_short": "is empty",
    "list_type": "is not a list",
    "tuple_type": "is not a list",
    "dict_type": "is not an object",
    "dataclass_type": "is not an object",
    "model_type": "is not an object",
    "model_attributes_type": "is not an object",
}
_LIMITS: Final = {
    "greater_than_equal": "is under {ge}",
    "less_than_equal": "is over {le}",
    "string_too_long": "has over {max_length} characters",
    "literal_error": "is not {expected}",
    "enum": "is not {expected}",
    "union_tag_invalid": "is not {expected_tags}",
}


def describe_value(error: ErrorDetails) -> str:
    """What is wrong, as it stands behind the name of the value: ``is not a whole number``."""
    kind = error["type"]
    if kind in _LIMITS:
        return _LIMITS[kind].format_map(error.get("ctx", {}))
    return _WORDS.get(kind) or error["msg"].removeprefix("Value error, ").replace("Input should", "should")
