"""Dark, light, and one for terminals of 16 colours, whose palette is the user's own."""

from __future__ import annotations

import os

from textual.theme import Theme

DARK = Theme(
    name="podprobe-dark",
    primary="#7aa2f7",
    secondary="#7dcfff",
    accent="#bb9af7",
    warning="#e0af68",
    error="#ff6b81",
    success="#9ece6a",
    foreground="#c8d0e7",
    background="#11131c",
    surface="#171a26",
    panel="#232738",
    dark=True,
    variables={
        "frame": "#4a5374",
        "dimmed": "#8089ab",
        "plot": "#7dcfff",
        "rest": "#353b54",
        "cursor": "#33406b",
        "cursor-away": "#232840",
    },
)

LIGHT = Theme(
    name="podprobe-light",
    primary="#2157b8",
    secondary="#00697f",
    accent="#7a3fb0",
    warning="#8a5a00",
    error="#b3123a",
    success="#2c6e1f",
    foreground="#1d2233",
    background="#fbfbf8",
    surface="#ffffff",
    panel="#e4e7ef",
    dark=False,
    variables={
        "frame": "#a3aabd",
        "dimmed": "#5d6579",
        "plot": "#00697f",
        "rest": "#ced3de",
        "cursor": "#c9d8f7",
        "cursor-away": "#e6eaf2",
    },
)

SIXTEEN = Theme(
    name="podprobe-16",
    primary="ansi_blue",
    secondary="ansi_cyan",
    accent="ansi_magenta",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    dark=True,
    ansi=True,
    variables={
        "frame": "ansi_bright_black",
        "dimmed": "ansi_bright_black",
        "plot": "ansi_cyan",
        "rest": "ansi_bright_black",
        "cursor": "ansi_default",
        "cursor-away": "ansi_default",
        "border-blurred": "ansi_bright_black",
        "block-cursor-foreground": "ansi_black",
        "block-cursor-background": "ansi_white",
        "input-cursor-background": "ansi_white",
        "input-cursor-foreground": "ansi_black",
        "input-selection-background": "ansi_blue",
        "screen-selection-background": "ansi_blue",
        "screen-selection-foreground": "ansi_white",
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
    },
)

THEMES = (DARK, LIGHT, SIXTEEN)


def suited() -> str:
    """The theme for this terminal: 16 colours where it does not say that it has more."""
    term = os.environ.get("TERM", "")
    rich = (
        os.environ.get("COLORTERM", "") in {"truecolor", "24bit"} or "256" in term or term.endswith("-direct")
    )
    known = rich or term.startswith(
        ("xterm-kitty", "alacritty", "foot", "wezterm", "ghostty", "xterm-ghostty")
    )
    return DARK.name if known else SIXTEEN.name
