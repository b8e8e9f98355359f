"""What all objects share, and how they are read."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import field

from podprobe.decoding import decode
from podprobe.errors import TargetError

T = TypeVar("T")


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Part of an object as the API server sends it."""


class Status(Wire, frozen=True):
    """Why a request failed."""

    message: str = ""
    reason: str = ""
    code: int = 0


class OwnerReference(Wire, frozen=True):
    """Whom an object belongs to."""

    kind: str
    name: str
    uid: str = ""
    controller: bool = False


class Meta(Wire, frozen=True):
    """`metadata`."""

    name: str = ""
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None


class ListMeta(Wire, frozen=True):
    """`metadata` of a list."""

    resource_version: str | None = None
    continue_: str | None = field(name="continue", default=None)


class Condition(Wire, frozen=True):
    """A condition of a Pod or a node."""

    type: str
    status: str = "Unknown"
    reason: str | None = None
    message: str | None = None


class SelectorRequirement(Wire, frozen=True):
    """One requirement."""

    key: str
    operator: str
    values: tuple[str, ...] | None = None


class Selector(Wire, frozen=True):
    """Of a workload, as the API server has it."""

    match_labels: dict[str, str] | None = None
    match_expressions: tuple[SelectorRequirement, ...] | None = None


def read(body: bytes, kind: type[T], source: str) -> T:
    """Decode an answer.

    Raises:
        TargetError: it is not what it should be; a proxy or a portal answered, perhaps.
    """
    try:
        return decode(body, kind)
    except msgspec.DecodeError as error:
        raise TargetError(
            f"{source} answered something that is not a {kind.__name__}: {error}",
            "is this the address of a Kubernetes API server, and not of a proxy before it?",
        ) from None
