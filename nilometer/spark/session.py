"""Spark itself: whether it can run here, and a session of it."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from nilometer.errors import LedgerError, install_hint

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def open_session(master: str | None = None) -> SparkSession:
    """The session that runs, or a new one. Raises ``LedgerError`` without PySpark, what it needs, or Java.

    Workers run the Python that runs here, unless ``PYSPARK_PYTHON`` names another: it needs nilometer[spark] too.
    """
    try:
        for name in ("pandas", "pyarrow"):
            import_module(name)
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise LedgerError(f"for Spark something is not installed: {error}", hint=install_hint("spark")) from error
    if SparkSession.getActiveSession() is None and not _has_java():
        raise LedgerError(
            "Spark needs Java, and there is none here",
            hint="install Java 17, on Debian openjdk-17-jre-headless, or name the folder of another in JAVA_HOME",
        )
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("nilometer").config("spark.ui.showConsoleProgress", "false")
    return (builder if master is None else builder.master(master)).getOrCreate()


def _has_java() -> bool:
    home = os.environ.get("JAVA_HOME")
    return (Path(home) / "bin" / "java").exists() if home else shutil.which("java") is not None
