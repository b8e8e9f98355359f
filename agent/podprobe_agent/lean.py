"""What the agent would want of `typing`, without it: that module costs every agent 0.4 MiB, and time to compile.

Type checkers take any name `TYPE_CHECKING` for true, so each module has its own::

    TYPE_CHECKING = False
    if TYPE_CHECKING:
        from typing import Any
"""

from __future__ import annotations

import collections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    __all__ = ["NamedTuple"]
else:

    class _Fields(type):
        """Makes a named tuple of a class with annotations, as `typing.NamedTuple` does."""

        def __new__(cls, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, space)
            fields = list(space.pop("__annotations__", ()))
            defaults = [space.pop(field) for field in fields if field in space]
            module = space["__module__"]
            record = collections.namedtuple(name, fields, defaults=defaults, module=module)  # noqa: PYI024
            return type(name, (record,), {"__slots__": (), **space})

    class NamedTuple(metaclass=_Fields):
        """A tuple whose fields have names; with values, the last of them may be left out."""
