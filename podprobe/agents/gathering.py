"""A look's answer as it comes, frame by frame: validated, and within bounds of bytes and of what is held for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.agents import answers, diag
from podprobe.agents.answers import Areas
from podprobe.agents.reading import decode_part, decoded, unexpected
from podprobe.decoding import decoder
from podprobe_agent import protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podprobe.agents.wire import Wire
    from podprobe_agent.protocol import Frame

LOOK_BYTES = 96 << 20
"""The most that one look's answer may take, inflated."""
LOOK_ITEMS = 2_000_000
"""Items, and what is in their lists."""
LOOK_SOCKETS = 300_000
"""IP sockets, about 2 KiB each when they are put together. An agent sends half as many at most, and
says where there are more."""

_decode_end = decoder(answers.End).decode
_decode_items = {area: decoder(list[item]).decode for area, item in answers.ITEMS.items()}  # type: ignore[valid-type]
_decode_value = {area: decoder(value).decode for area, value in answers.VALUES.items()}
_lists = {
    area: tuple(name for name, of in kind.__annotations__.items() if "tuple[" in of or "dict[" in of)
    for area, kind in (answers.ITEMS | answers.VALUES).items()
}
"""Fields that hold any number of values."""


class Gathering:
    """What has come so far.

    Args:
        wire: on which it comes; cut off where the answer breaks a rule.
        asked: the areas.
    """

    def __init__(self, wire: Wire, asked: Iterable[str]) -> None:
        self.answer = Areas()
        self._wire = wire
        self._asked = frozenset(asked)
        self._bytes = self._items = self._sockets = 0

    def take(self, frame: Frame) -> None:
        """Take in a frame.

        Raises:
            AgentError: the agent cannot, or what it sent is out of place, of the wrong form, or too much.
        """
        self._bytes += len(frame.payload)
        if frame.kind == protocol.PART:
            self._take_part(frame.payload)
        elif frame.kind == protocol.ROWS:
            self._take_rows(frame.payload)
        elif frame.kind == protocol.END:
            self.answer.end = decoded(self._wire, _decode_end, frame.payload)
        else:
            raise unexpected(self._wire, frame)
        if self._bytes > LOOK_BYTES or self._items > LOOK_ITEMS or self._sockets > LOOK_SOCKETS:
            raise self._wire.broken(
                f"its answer is larger than {LOOK_BYTES >> 20} MiB, {LOOK_ITEMS} items or {LOOK_SOCKETS} sockets"
            )

    def _take_part(self, payload: bytes) -> None:
        part = decoded(self._wire, decode_part, payload)
        if part.area not in self._asked:
            raise self._wire.broken(f"it answered {part.area!r}, which was not asked")
        if part.items and part.area in _decode_items:
            items: list[answers.Answer] = decoded(self._wire, _decode_items[part.area], part.items)
            self.answer.items[part.area].extend(items)
            self._items += len(items)
            for name in _lists[part.area]:
                self._items += sum(len(getattr(item, name) or ()) for item in items)
        elif part.value and part.area in _decode_value:
            value: answers.Answer = decoded(self._wire, _decode_value[part.area], part.value)
            self.answer.values[part.area] = value
            self._items += 1 + sum(len(getattr(value, name) or ()) for name in _lists[part.area])
        else:
            raise self._wire.broken(f"its answer to {part.area!r} is of the wrong form")

    def _take_rows(self, payload: bytes) -> None:
        piece: bytes | diag.Messages = payload[1:]
        if "inet" in self._asked and payload[:1] == bytes([protocol.ROWS_DIAG]) and len(piece):
            piece = diag.Messages(payload[1], payload[2:])
            try:
                number = diag.check(piece.data)
            except diag.MalformedError as error:
                raise self._wire.broken(f"its sockets are none: {error}") from None
        elif (
            "inet" in self._asked
            and payload[:1] == bytes([protocol.ROWS_INET])
            and len(piece) % protocol.INET_ROW.size == 0
        ):
            number = len(piece) // protocol.INET_ROW.size
        else:
            raise self._wire.broken("it sent rows that are none, or were not asked for")
        self._sockets += number
        self.answer.inet.append(piece)
