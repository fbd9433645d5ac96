"""The files of the collector's PowerShell module, with the version of this program."""

from __future__ import annotations

import re
from importlib.metadata import version
from importlib.resources import files
from typing import Final

MANIFEST: Final = "Nilometer.psd1"
FILES: Final = ("RoleCapabilities/Nilometer.psrc", "Nilometer.psm1", MANIFEST)
"""The manifest is last: without it the others are no module, so that half a copy is none."""

_NO_VERSION: Final = b"ModuleVersion        = '0.0.0'"


def read_files() -> dict[str, bytes]:
    """The module's files by their names in its folder, in the order in which they are to be written."""
    folder = files("nilometer.collector")
    contents = {name: folder.joinpath(*name.split("/")).read_bytes() for name in FILES}
    manifest = contents[MANIFEST]
    assert manifest.count(_NO_VERSION) == 1
    contents[MANIFEST] = manifest.replace(_NO_VERSION, _NO_VERSION.replace(b"0.0.0", module_version().encode()))
    return contents


def module_version() -> str:
    """This program's version as PowerShell takes it: numbers alone."""
    found = re.match(r"\d+(\.\d+){1,3}", version("nilometer"))
    assert found is not None
    return found[0]
