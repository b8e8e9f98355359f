"""Untrusted text made safe to show.

Names, paths and command lines come out of the Pod that is looked at, and whoever controls the Pod chooses them.
Shown as they are, they could move the cursor, set the window's title, write to the clipboard (OSC 52), hide text or
make it read backwards. Here every such character becomes a visible escape.
"""

from __future__ import annotations

import unicodedata

_INVISIBLE = frozenset(
    "\u034f"  # combining grapheme joiner
    "\u115f\u1160\u3164\uffa0"  # Hangul fillers: letters to Unicode, nothing to the eye
    "\u17b4\u17b5"  # Khmer inherent vowels
    "\u180b\u180c\u180d\u180f"  # Mongolian variation selectors
    "\u2800"  # braille blank
) | {chr(number) for number in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))}  # variation selectors
"""Printable by `str.isprintable`, and yet not to be seen."""

_COMBINING_RUN = 2
"""Marks on one letter that real scripts need; more only smear over the lines around."""


def neutral(text: str, limit: int = 300) -> str:
    r"""Return `text` with everything that is not plainly visible replaced by an escape.

    Control characters (C0, C1, so ANSI and OSC sequences too), line breaks, bidirectional overrides, zero-width and
    unassigned characters, spaces other than U+0020 and piled-up combining marks become `\x1b`, `\u202e`, `\U000e0041`.
    The result is one line. Escaping for markup (HTML, Markdown, rich) is the renderer's.

    Args:
        text: anything.
        limit: the most characters of the result; what is cut off is marked by `…`. No escape is cut in two.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    length = 0
    marks = 0
    for character in text[: limit + 1]:  # each character becomes at least one: more could not be shown
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        visible = character.isprintable() and character not in _INVISIBLE and marks <= _COMBINING_RUN
        piece = character if visible else _escape(character)
        shown.append(piece)
        length += len(piece)
    if length <= limit and len(text) <= limit:
        return "".join(shown)
    while shown and length > limit - 1:
        length -= len(shown.pop())
    return "".join(shown) + "…" if limit > 0 else ""


def spans(text: str) -> list[tuple[bool, str]]:
    """Text cut at its backticks: whether a piece is code, and the piece. Unpaired backticks stay text."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return [(False, text)]
    return [(index % 2 == 1, piece) for index, piece in enumerate(pieces) if piece]


def _escape(character: str) -> str:
    if character in "\t\n\r":
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}[character]
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
