"""Reading what an agent sends: decoded, or the agent is cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from podprobe.agents import answers  # noqa: TC001  # msgspec reads annotations at run time
from podprobe.decoding import decoder
from podprobe.errors import AgentError
from podprobe_agent import protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podprobe.agents.exchange import Exchange
    from podprobe.agents.wire import Wire
    from podprobe_agent.protocol import Frame

T = TypeVar("T")

_ABSENT = msgspec.Raw()


class Part(msgspec.Struct, frozen=True):
    """A `PART` frame: an area, with items or a value still to be read."""

    area: answers.Word
    items: msgspec.Raw = _ABSENT
    value: msgspec.Raw = _ABSENT


class _Error(msgspec.Struct, frozen=True):
    message: answers.Text


decode_part = decoder(Part).decode
_decode_error = decoder(_Error).decode


def decoded(wire: Wire, decode: Callable[[bytes | msgspec.Raw], T], payload: bytes | msgspec.Raw) -> T:
    """A frame read.

    Raises:
        AgentError: it is not what it has to be; the agent has been cut off.
    """
    try:
        return decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wire.broken(f"its answer is not valid: {error}") from None


def values(
    wire: Wire, exchange: Exchange, area: str, decode: Callable[[bytes | msgspec.Raw], T]
) -> Iterator[T]:
    """The values of an answer that has those of one area and nothing else.

    Raises:
        AgentError: the agent refuses, is gone, broke the protocol, or did not answer in time.
    """
    for frame in exchange:
        if frame.kind == protocol.PART:
            part = decoded(wire, decode_part, frame.payload)
            if part.area != area or not part.value:
                raise wire.broken(f"what belongs to {area!r} was answered with something else")
            yield decoded(wire, decode, part.value)
        elif frame.kind != protocol.END:
            raise unexpected(wire, frame)


def unexpected(wire: Wire, frame: Frame) -> AgentError:
    """What an ERROR frame says, or that a frame is out of place."""
    if frame.kind != protocol.ERROR:
        return wire.broken(f"a frame of kind {frame.kind} is out of place")
    error = decoded(wire, _decode_error, frame.payload)
    return AgentError(f"the agent {wire.place} cannot: {error.message}")
