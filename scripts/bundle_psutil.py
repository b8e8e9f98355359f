"""Puts psutil's wheels for all agents' platforms into podprobe/_bundle, for podprobe's own wheel.

    python scripts/bundle_psutil.py

Run it before `python -m build`: agents for other machines than the user's then need no download. Each wheel is
downloaded by pip, which is told its hash (`podprobe.agents.psutil_source.WHEELS`).
"""

from __future__ import annotations

import sys

from podprobe.agents import psutil_source


def main() -> int:
    psutil_source.BUNDLED.mkdir(exist_ok=True)
    for wheel in psutil_source.WHEELS.values():
        psutil_source.download(wheel, psutil_source.BUNDLED)
    found = sorted(psutil_source.BUNDLED.glob("*.whl"))
    for path in found:
        print(path.name, f"{path.stat().st_size >> 10} KiB", file=sys.stderr)
    return 0 if len(found) == len(psutil_source.WHEELS) else 1


if __name__ == "__main__":
    sys.exit(main())
