"""Model objects of any content that the types allow, for property tests.

Built from a seed rather than drawn field by field: a snapshot has hundreds of fields, and drawing each took a hundred
times as long.
"""

from __future__ import annotations

import types
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import msgspec

if TYPE_CHECKING:
    from random import Random

WORDS = (
    *(
        "",
        " ",
        "\n",
        ":",
        "::",
        "/",
        "{",
        "}",
        "{0}",
        "%s",
        "\x1b[0m",
        "\u202e",
        "a:b",
        "nginx",
        "webapp",
        "worker",
    ),
    *(
        "127.0.0.1",
        "0.0.0.0",
        "::1",
        "::ffff:127.0.0.1",
        "fe80::1%eth0",
        "127.0.0.1:5000",
        "[::]:80",
        "10.0.0.1:99999",
    ),
    *("2026-03-01T03:12:00Z", "2026-03-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *(
        "established",
        "close-wait",
        "time-wait",
        "listen",
        "emptyDir",
        "Memory",
        "overlay",
        "tmpfs",
        "/dev/shm",
    ),
    *("services", "sockets", "msgmnb", "0x00001234", "/run/app/app.sock", "@events", "localhost:5000"),
    *(
        "CrashLoopBackOff",
        "OOMKilled",
        "http://[",
        "http://127.0.0.1:5000/",
        "Tcp.EstabResets",
        "Tcp.ActiveOpens",
    ),
    *("TcpExt.ListenDrops", "Connection refused"),
)
NUMBERS = (0, 1, -1, 2, 3, 80, 5000, 65_536, 2**31, -(2**63), 2**64, 10**400)
FLOATS = (0.0, 0.001, 0.5, 0.99, 1.0, -1.0, 1e6, 1e308, float("inf"), float("-inf"), float("nan"))


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, Any], ...]:
    return tuple((each.name, each.type) for each in msgspec.structs.fields(kind) if each.name != "schema")


def anything(kind: Any, random: Random) -> Any:
    """An object of a type of the model."""
    if kind is str:
        return random.choice(WORDS)
    if kind is int:
        return random.choice(NUMBERS) if random.random() < 0.5 else random.randrange(200)
    if kind is float:
        return random.choice(FLOATS) if random.random() < 0.5 else random.random()
    if kind is bool:
        return random.random() < 0.5
    if kind is type(None):
        return None
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind(**{name: anything(each, random) for name, each in _fields(kind)})
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return random.choice(arguments)
    if origin in {Union, types.UnionType}:
        return anything(random.choice(arguments), random)
    if origin is dict:
        return {
            anything(arguments[0], random): anything(arguments[1], random) for _ in range(random.randrange(4))
        }
    if origin is tuple and arguments[-1] is Ellipsis:
        return tuple(anything(arguments[0], random) for _ in range(random.randrange(5)))
    if origin is tuple:
        return tuple(anything(each, random) for each in arguments)
    raise TypeError(f"nothing is made of {kind}")
