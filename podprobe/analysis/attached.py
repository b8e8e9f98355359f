"""Who has an IPC object mapped or open, and its permissions in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.model import Attachment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podprobe.analysis.answered import Answered, Household

_PERMISSIONS = 0o777


def mode_text(mode: int) -> str:
    """Octal permissions: `0640`."""
    return f"{mode & _PERMISSIONS:04o}"


def attachments(
    answers: Iterable[Answered], people: Household, area: str, kind: str
) -> dict[tuple[str | None, int | None], list[Attachment]]:
    """Who has what mapped or open, by device and inode (SysV: no device, the shmid)."""
    found: dict[tuple[str | None, int | None], dict[Attachment, None]] = {}
    for answer in answers:
        for item in answer.areas.items[area]:
            person = people.find(answer.container, item.pid)
            if item.kind != kind or person is None or person.container is None:
                continue
            key = (None, item.shmid) if kind == "sysv" else (item.device, item.inode)
            attachment = Attachment(container=person.container, pid=item.pid, process=person.item.name)
            found.setdefault(key, {})[attachment] = None
    return {key: list(attachments) for key, attachments in found.items()}
