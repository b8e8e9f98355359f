"""Take the pictures of the live view that the documentation shows, of a Pod that is really looked at.

python scripts/take_pictures.py TARGET     a Pod on a cluster, or local:PID
python scripts/take_pictures.py            a demo Pod made for it

What is on them is what podprobe saw: nothing is drawn from samples.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from podprobe.looking import SessionOptions
from podprobe.opening import open_looker
from podprobe.targets.access import Access
from podprobe.targets.local.demo import DEFAULT, Demo
from podprobe.tui.app import PodprobeApp
from podprobe.tui.screens.main import PodScreen
from podprobe.tui.sources import LiveSource

if TYPE_CHECKING:
    from textual.pilot import Pilot

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SIZE = (120, 36)
LOOKS = 8
"""Before the first picture, so that there are trends."""
PICTURES = {
    "map": ["1"],
    "finding": ["f", "enter"],
    "flows": ["3"],
    "volumes": ["5"],
    "outside": ["8"],
}
"""By name of the file: the keys that lead there from the map."""


async def looked(pilot: Pilot[None], looks: int) -> None:
    """Wait until the screen has had so many looks."""
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, PodScreen)
    for _ in range(600):
        if screen.situation.error is not None:
            sys.exit(f"cannot look: {screen.situation.error}")
        if len(screen.history) >= looks:
            return
        await pilot.pause(0.1)
    sys.exit("the Pod was not looked at in a minute")


async def take(target: str) -> None:
    """All of them, of one Pod."""
    source = LiveSource(
        target, lambda progress: open_looker(target, Access(), SessionOptions(), progress), 1.0
    )
    app = PodprobeApp(source, theme="podprobe-dark")
    async with app.run_test(size=SIZE) as pilot:
        await looked(pilot, LOOKS)
        for name, keys in PICTURES.items():
            await pilot.press(*keys)
            await pilot.pause(0.5)
            file = IMAGES / f"{name}.svg"
            # Lines end as the drawing has them: blanks there are none of the picture.
            text = app.export_screenshot(title="podprobe")
            file.write_text("".join(f"{line.rstrip()}\n" for line in text.splitlines()), encoding="utf-8")
            print(f"wrote {file.relative_to(IMAGES.parent.parent)}")
            if len(app.screen_stack) > 1:
                await pilot.press("escape")


def main() -> None:
    """Of the Pod that is named, else of a demo Pod."""
    with contextlib.ExitStack() as stack:
        target = sys.argv[1] if len(sys.argv) > 1 else f"local:{stack.enter_context(Demo(DEFAULT)).pid}"
        asyncio.run(take(target))


if __name__ == "__main__":
    main()
