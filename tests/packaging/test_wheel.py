"""What the wheel carries, and that it works where nothing else of this project is."""

import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.packaging.conftest import CleanEnvironment, Distributions, run
from tests.packaging.smoke import PROJECT, SMOKE
from tests.paths import ROOT

pytestmark = pytest.mark.xdist_group("packaging")  # one wheel and one environment serve all of these

LAYERS = ("domain", "rules", "projections")
OF_AN_EXTRA = {
    "psycopg",
    "psycopg_pool",
    "pytest",
    "starlette",
    "anyio",
    "uvicorn",
    "h11",
    "cryptography",
    "numpy",
    "pyarrow",
    "qemu",
}

IMPORT_EVERYTHING = """
import importlib, json, pkgutil, sys
import nilometer
found = {}
for module in pkgutil.walk_packages(nilometer.__path__, "nilometer.", onerror=lambda name: None):
    if module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
        found[module.name] = None
    except ModuleNotFoundError as error:
        found[module.name] = error.name
print(json.dumps({"found": found, "loaded": sorted(sys.modules)}))
"""


def shipped() -> set[str]:
    """Where each file of the product's four packages is expected in the wheel."""
    paths = (
        path.relative_to(ROOT)
        for top in ("nilometer", *LAYERS)
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    return {("" if path.parts[0] == "nilometer" else "nilometer/") + path.as_posix() for path in paths}


def test_the_wheel_holds_every_file_of_the_product_under_nilometer_and_nothing_else(
    distributions: Distributions,
) -> None:
    with zipfile.ZipFile(distributions.wheel) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == shipped()
    assert all(name.startswith("nilometer/") for name in names)


def test_the_sdist_carries_tests_docs_and_what_the_build_needs(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {
        "hatch_build.py",
        "pyproject.toml",
        "requirements.lock",
        "requirements-build.lock",
        "requirements-test.lock",
        "LICENSE",
        "tests/packaging/smoke.py",
    } <= names
    assert not {name for name in names if name.startswith((".venv/", ".uv/", "build/"))}


def test_every_module_imports_from_the_wheel_and_none_under_its_old_name(clean: CleanEnvironment) -> None:
    result = json.loads(run(clean.program("python"), "-c", IMPORT_EVERYTHING, cwd=clean.folder))
    missing = {name: cause for name, cause in result["found"].items() if cause not in {None, *OF_AN_EXTRA}}
    assert not missing
    assert {f"nilometer.{layer}" for layer in LAYERS} <= result["found"].keys()
    assert not [name for name in result["loaded"] if name.partition(".")[0] in LAYERS]


def test_the_package_rules_from_pypi_is_left_as_it_was(clean: CleanEnvironment) -> None:
    assert "rules/__init__.py" in clean.rules_before
    assert clean.installed("rules") == clean.rules_before


def test_the_installed_command_answers_from_any_folder(clean: CleanEnvironment) -> None:
    ledger = {"NILO_LEDGER": f"sqlite:///{clean.folder / 'smoke.db'}", "NILO_ACTOR": "smoke"}
    for smoke in SMOKE:
        out = run(
            clean.program("nilo"),
            *smoke.args,
            cwd=clean.folder,
            stdin=smoke.stdin,
            env=ledger,
            code=smoke.code,
        )
        for text in smoke.shows:
            assert text in out, f"nilo {' '.join(smoke.args)} does not show {text!r}:\n{out}"


def test_an_editable_install_is_a_plain_pth_to_the_root(tmp_path: Path) -> None:
    build = "import sys, hatchling.build as b; print(b.build_editable(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    with zipfile.ZipFile(tmp_path / f"nilometer-{PROJECT['version']}-py3-none-any.whl") as wheel:
        names = [name for name in wheel.namelist() if ".dist-info/" not in name]
        assert names == ["_nilometer.pth"]
        assert Path(wheel.read(names[0]).decode().strip()) == ROOT
