"""psutil without a disk: its C extension is loaded from a memfd, where a zip cannot hold it."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ExtensionFileLoader

_EXTENSION = "psutil._psutil_linux"


def load(path: str) -> str | None:
    """Load psutil's extension from a path, so that a later ``import psutil`` finds it.

    psutil itself is not imported: its 200 KiB of Python cost memory and time that a look without processes
    need not spend.

    Returns:
        Why it did not load, or `None`.
    """
    loader = ExtensionFileLoader(_EXTENSION, path)
    spec = importlib.util.spec_from_file_location(_EXTENSION, path, loader=loader)
    if spec is None:
        return "no import specification for the extension"
    try:
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
    except (ImportError, OSError) as error:
        return str(error)
    sys.modules[_EXTENSION] = module
    return None
