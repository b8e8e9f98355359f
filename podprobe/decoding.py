"""Decoders for msgspec's structs, made one at a time.

What msgspec has to know of a struct's fields it works out when the struct is first decoded, and keeps with the class.
While it does, Python code runs, and so may another thread, which finds the half of it, follows a null pointer, and ends
the process (msgspec 0.22: `StructInfo_Convert` keeps what it makes before that is complete, for structs that hold
themselves). Many Pods are looked at by many threads, and the first answer to each is a Pod. So every decoder is made
here, under one lock; any number of threads may use it.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_lock = threading.Lock()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def decoder(kind: type[T], *, strict: bool = True) -> msgspec.json.Decoder[T]:
    """The decoder of JSON for a type; `strict=False` takes `"1"` for 1, as of `msgspec.json.decode`."""
    with _lock:
        found = _decoders.get((kind, strict))
        if found is None:
            found = _decoders[kind, strict] = msgspec.json.Decoder(kind, strict=strict)
    return found


def decode(body: bytes | str, kind: type[T], *, strict: bool = True) -> T:
    """JSON as a type.

    Raises:
        msgspec.DecodeError: it is no JSON, or not of that type (`msgspec.ValidationError`).
    """
    return decoder(kind, strict=strict).decode(body)


def convert(value: Any, kind: type[T]) -> T:
    """Dictionaries, lists, strings and numbers as a type.

    Raises:
        msgspec.ValidationError: they are not of that type.
    """
    decoder(kind)
    return msgspec.convert(value, kind)
