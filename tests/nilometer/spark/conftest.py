"""One Spark for all tests: to start one takes ten seconds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A real Spark with two workers. Without Java its tests are skipped; where CI is set, they fail."""
    from nilometer.errors import LedgerError
    from nilometer.spark.session import open_session

    try:
        session = open_session("local[2]")
    except LedgerError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{error.message}: nothing is tested on Spark")
    yield session
    session.stop()
