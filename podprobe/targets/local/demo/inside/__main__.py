"""Start one of the demo Pod's processes: `python -I -S .../inside sandbox`, or a program's name."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    # Python has put this very folder on sys.path; its parent makes it the package `inside`.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    importlib.import_module("inside.start").main(sys.argv[1:])
