"""What ``spark-submit`` runs, where nothing is installed that Spark needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import nilometer.spark.submit

WITHOUT = """
import runpy, sys
sys.modules.update(dict.fromkeys(("numpy", "pandas", "pyarrow", "pyspark")))
runpy.run_module("nilometer.spark.submit", run_name="__main__")
"""


def submitted(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", WITHOUT, *args], capture_output=True, text=True, check=False)


def test_its_path_and_its_help_are_printed() -> None:
    path = submitted("--path")
    assert (path.returncode, path.stderr) == (0, "")
    assert Path(path.stdout.strip()) == Path(nilometer.spark.submit.__file__)
    assert submitted("--help").returncode == 0


@pytest.mark.parametrize("args", ["audit history.jsonl", "replay history.jsonl -o views"])
def test_it_says_what_to_install(args: str) -> None:
    ran = submitted(*args.split())
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: for Spark something is not installed: ")
    assert "\nhint: pip install 'nilometer[spark]'" in ran.stderr
