"""The library's own test cases for recorders.

They stand in one module with its cases for ciphers, which need pycryptodome. Nothing here is ciphered, so empty modules
stand in for it while that module is imported.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType


def _stand_in(name: str, **attributes: object) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(attributes)
    return module


_CIPHERS = {
    "Crypto": _stand_in("Crypto"),
    "Crypto.Cipher": _stand_in("Crypto.Cipher", AES=None),
    "Crypto.Cipher.AES": _stand_in("Crypto.Cipher.AES", key_size=()),
    "Crypto.Cipher._mode_gcm": _stand_in("Crypto.Cipher._mode_gcm", GcmMode=None),
}
_missing = find_spec("Crypto") is None

if _missing:
    sys.modules.update(_CIPHERS)
try:
    from eventsourcing.tests import persistence
finally:
    if _missing:
        for _name in (*_CIPHERS, "eventsourcing.cipher"):
            sys.modules.pop(_name, None)

__all__ = ["persistence"]
