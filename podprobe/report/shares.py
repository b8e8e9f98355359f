"""How far the numbers of single connections account for what the Pod has sent again, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.report import units

if TYPE_CHECKING:
    from podprobe.model import Retransmits


def attributed(found: Retransmits | None) -> str:
    """`in 2 s, 12 segments sent again: 92 % by connections still there`; empty where nobody knows."""
    if found is None:
        return ""
    return sentence(found.namespace, found.attributed, found.seconds)


def sentence(namespace: int, attributed: int, seconds: float | None) -> str:
    """The same for any time.

    Args:
        namespace: segments that the network namespace has sent again.
        attributed: those of them by connections that were still there at the look.
        seconds: in how long; `None`: since the namespace was made.
    """
    when = "since the Pod began" if seconds is None else f"in {seconds:.0f} s" if seconds >= 1 else "just now"
    if not namespace:
        return f"nothing sent again {when}"
    share = min(1.0, attributed / namespace)
    return (
        f"{units.number(namespace)} segment{'s' if namespace > 1 else ''} sent again {when}, "
        f"{units.ratio(round(share, 3))} by connections still there"
    )
