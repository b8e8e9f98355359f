"""Acting as another: the `Impersonate-*` headers of `--as` and of the kubeconfig."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from podprobe.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LEGAL = "!#$&'*+-.^_`|~"
"""What a header's name may hold beside letters and digits; `%` itself is escaped."""


def headers(
    user: Mapping[str, Any], as_user: str | None, as_groups: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """The headers, in order.

    Args:
        user: the kubeconfig's: `as`, `as-uid`, `as-groups`, `as-user-extra`.
        as_user: instead of its `as`.
        as_groups: instead of its `as-groups`.

    Raises:
        TargetError: a name holds a character that no header can.
    """
    found = tuple(_headers(user, as_user, as_groups))
    for name, value in found:
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
            raise TargetError(
                f"a name to impersonate holds a line break or another control character: {value!r}",
                f"see --as, --as-group and the kubeconfig's user ({name})",
            )
    return found


def _headers(
    user: Mapping[str, Any], as_user: str | None, as_groups: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    name = as_user or user.get("as")
    if not name:
        return
    yield "Impersonate-User", str(name)
    if user.get("as-uid"):
        yield "Impersonate-Uid", str(user["as-uid"])
    for group in as_groups or user.get("as-groups") or ():
        yield "Impersonate-Group", str(group)
    for key, values in (user.get("as-user-extra") or {}).items():
        for value in values or ():
            yield f"Impersonate-Extra-{quote(str(key), safe=_LEGAL)}", str(value)
