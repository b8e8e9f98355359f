"""How each role looks under a theme.

Looked up here, once per theme, and not as component classes of every widget: those would be matched against the
stylesheet some nine hundred times before the first paint, which takes longer than everything else in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.style import Style
from textual.color import Color

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import App


class Look(NamedTuple):
    """Theme variables and attributes. Every coloured role has a symbol beside it wherever it is used."""

    color: str = ""
    background: str = ""
    bold: bool = False
    underline: bool = False
    reverse: bool = False


ROLES: dict[str, Look] = {
    "critical": Look("error", bold=True),
    "warning": Look("warning"),
    "info": Look("secondary"),
    "ok": Look("success"),
    "dim": Look("dimmed"),
    "strong": Look(bold=True),
    "heading": Look("primary", bold=True),
    "key": Look("accent", bold=True),
    "container": Look("secondary"),
    "frame": Look("frame"),
    "focus": Look("accent", bold=True, underline=True),
    "frame-focus": Look("accent", bold=True),
    "wire": Look("success"),
    "plot": Look("plot"),
    "bar": Look("primary"),
    "rest": Look("rest"),
    "title": Look("background", "primary", bold=True),
    "tab": Look("dimmed"),
    "tab-here": Look("background", "primary", bold=True),
    "live": Look("success"),
    "badge-critical": Look("background", "error", bold=True),
    "badge-warning": Look("background", "warning", bold=True),
    "header": Look("dimmed", bold=True),
    "cursor": Look(background="cursor"),
    "cursor-away": Look(background="cursor-away"),
}

_SIXTEEN: dict[str, Look] = {
    "title": Look(bold=True, reverse=True),
    "tab-here": Look(bold=True, reverse=True),
    "badge-critical": Look("error", bold=True, reverse=True),
    "badge-warning": Look("warning", bold=True, reverse=True),
    "cursor": Look(reverse=True),
    "cursor-away": Look(underline=True),
}
"""With 16 colours nothing can be mixed, and what the background is nobody knows."""

_COLOURLESS: dict[str, Look] = _SIXTEEN | {
    "critical": Look(bold=True, reverse=True),
    "warning": Look(bold=True, underline=True),
    "info": Look(),
    "ok": Look(),
    "wire": Look(),
    "container": Look(),
    "key": Look(bold=True),
    "heading": Look(bold=True),
    "focus": Look(bold=True, underline=True),
    "badge-critical": Look(bold=True, reverse=True),
    "badge-warning": Look(bold=True, underline=True),
}
"""Where the user wants none (NO_COLOR): greys go by brightness, and red is darker than the text around it."""

_palettes: dict[tuple[str, bool], dict[str, Style]] = {}


def palette(app: App[object]) -> dict[str, Style]:
    """The style of each role under the present theme."""
    key = (app.theme, app.no_color)
    found = _palettes.get(key)
    if found is None:
        looks = ROLES | (_COLOURLESS if app.no_color else _SIXTEEN if app.current_theme.ansi else {})
        found = _palettes[key] = _mixed(looks, app.theme_variables)
    return found


def _mixed(looks: Mapping[str, Look], variables: Mapping[str, str]) -> dict[str, Style]:
    return {role: _style(look, variables) for role, look in looks.items()}


def _style(look: Look, variables: Mapping[str, str]) -> Style:
    return Style(
        color=Color.parse(variables.get(look.color, variables["foreground"])).rich_color
        if look.color
        else None,
        bgcolor=Color.parse(variables.get(look.background, variables["primary"])).rich_color
        if look.background
        else None,
        bold=look.bold or None,
        underline=look.underline or None,
        reverse=look.reverse or None,
    )
