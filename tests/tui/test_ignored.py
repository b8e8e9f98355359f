"""The live view says under the findings what the configuration accepts."""

from __future__ import annotations

import pytest

from podprobe.model import Ignored, Snapshot
from podprobe.tui.widgets.sheet import Sheet
from tests.support.samples import healthy_pod, troubled_pod
from tests.tui.support import app_with, replace, settled


@pytest.mark.parametrize(
    "pod", [healthy_pod(), replace(troubled_pod(), findings=troubled_pod().findings[:2])]
)
async def test_what_is_accepted_is_told_with_its_reason(pod: Snapshot) -> None:
    accepted = Ignored(finding=troubled_pod().findings[-1], reason="known\x1b[2J")
    app = app_with([replace(pod, ignored=(accepted,))])
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        text = app.screen.query_one("#findings", Sheet).text
        assert f"· 1 ignored ({accepted.finding.code}: known\\x1b[2J)" in text
