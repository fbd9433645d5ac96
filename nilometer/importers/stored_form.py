"""What an import knows at its end, as it is stored: a dataclass as JSON, and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic_core import CoreSchema, SchemaSerializer, SchemaValidator, ValidationError

from nilometer.storage.schemas import SchemaBuilder

K = TypeVar("K")


class NotTheEnd(Exception):
    """The files are not those with which the last import ended: all of them are to be read."""


@dataclass(slots=True)
class StoredForm(Generic[K]):
    """The stored form of a class. Its schema is made when it is first needed."""

    kind: type[K]
    _schema: CoreSchema | None = field(default=None, init=False)

    def encode(self, known: K) -> bytes | None:
        """What is stored of it; ``None`` if something in it cannot be stored."""
        try:
            return SchemaSerializer(self._build()).to_json(known)
        except (ValueError, TypeError):  # such as half of a surrogate pair in a name
            return None

    def decode(self, stored: bytes) -> K | None:
        """What was stored; ``None`` if it has another shape."""
        try:
            found: K = SchemaValidator(self._build()).validate_json(stored)
        except ValidationError:
            return None
        return found

    def _build(self) -> CoreSchema:
        if self._schema is None:
            builder = SchemaBuilder(
                config={
                    "extra_fields_behavior": "forbid",
                    "strict": True,
                    "ser_json_bytes": "hex",
                    "val_json_bytes": "hex",
                }
            )
            self._schema = builder.build(self.kind)
        return self._schema
