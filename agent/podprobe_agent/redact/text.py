"""Where the secrets are in a piece of text: a script, a URL, a header, a line of configuration."""

from __future__ import annotations

import re

from podprobe_agent.redact import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Span = tuple[int, int]

REDACTED = "[redacted]"

_NAME = re.compile(r"[A-Za-z_][\w.\-]*")
_SEPARATOR = re.compile(r"(?:\\?[\"'])?[ \t]*(?:=>|:=|=|:(?!//))[ \t]*|(?:\\?[\"'])[ \t]*,[ \t]*(?=\\?[\"'])")
_SPACES = re.compile(r"\s+")
_PLAIN = re.compile(r"[^\s\"'&]+")
_ENOUGH = 512  # of a value, to tell whether it looks like a key
_SCHEMES = frozenset(("apikey", "basic", "bearer", "digest", "negotiate", "token"))
_URL = re.compile(r"(?<![A-Za-z0-9+.\-])([A-Za-z0-9+.\-]{1,40})://([^\s\"'<>`]+)")
_WITH_PATHS = frozenset(("http", "https", "ws", "wss"))
_USERINFO = re.compile(r"(?<![\w/@.:\-])[\w.\-]{1,64}:([^\s@\"'/][^\s@\"']{0,255})@(?!sha\d+:)[\w(\[]")

_FORMS = re.compile(
    r"""
    \b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}             # AWS access key ids
    | \beyJ[\w-]{8,}(?:\.[\w-]*){0,4}                  # JSON Web Tokens
    | \bgh[pousr]_\w{16,} | \bgithub_pat_\w{16,} | \bglpat-[\w-]{16,}
    | \bxox[abeprs]-[\w-]{8,} | \bxapp-[\w-]{8,}
    | \b[srp]k_(?:live|test)_\w{8,} | \bsk-[\w-]{16,}
    | \bAIza[\w-]{30,} | \bya29\.[\w-]+
    | \bhv[sbr]\.[\w-]{16,} | \bnpm_\w{30,} | \bpypi-[\w-]{16,} | \bdop_v1_\w{16,}
    | \bSG\.[\w-]{16,}(?:\.[\w-]*)? | \bAGE-SECRET-KEY-\w+
    | (?<=hooks\.slack\.com/services/)[^\s"']+
    | -----BEGIN[ ][A-Z ]{0,40}PRIVATE[ ]KEY.*
    """,
    re.VERBOSE | re.DOTALL,
)
_BEARER = re.compile(r"\b(?:bearer|basic)[ \t]+([\w.~+/=\-]{6,})", re.IGNORECASE)
_IDENTIFIED = re.compile(r"\bidentified\s+by\s+(?:password\s+)?(?=[\"'])", re.IGNORECASE)


def redact(text: str, more: Iterable[Span] = ()) -> str:
    """The text without its secrets.

    Args:
        text: any length; time is linear in it.
        more: further pieces of it that must go.
    """
    spans = sorted([*secrets(text), *more])
    if not spans:
        return text
    pieces = []
    at = 0
    for start, end in spans:
        if end <= at:
            continue
        if start > at:
            pieces.append(text[at:start])
        if start >= at:  # what overlaps the piece before goes with it
            pieces.append(REDACTED)
        at = end
    pieces.append(text[at:])
    return "".join(pieces)


def secrets(text: str) -> Iterator[Span]:
    """The pieces of a text that are secrets, in no order; they may overlap."""
    yield from _named(text)
    yield from _in_urls(text)
    for match in _FORMS.finditer(text):
        yield match.span()
    for pattern in (_BEARER, _USERINFO):
        for match in pattern.finditer(text):
            yield match.span(1)


def _named(text: str) -> Iterator[Span]:
    at = 0
    while match := _NAME.search(text, at):
        at = match.end()
        name = match.group().rstrip(".-")
        if not names.kind(name):
            continue
        start = _value_start(text, match.start(), at)
        if start < 0:
            continue
        query = match.start() > 0 and text[match.start() - 1] in "?&"
        sample = text[start : start + _ENOUGH]
        sample = sample[: _value_end(sample, 0, query=query)]
        if sample and names.is_secret(name, sample):
            at = _value_end(text, start, query=query)
            yield start, at
    for match in _IDENTIFIED.finditer(text):
        yield match.end(), _value_end(text, match.end())


def _value_start(text: str, name_start: int, name_end: int) -> int:
    """Where the value of a name begins; -1 if it has none. `NAME=v`, `"NAME": v`, `--NAME v`, `NAME 'v'`."""
    if separator := _SEPARATOR.match(text, name_end):
        return separator.end()
    spaces = _SPACES.match(text, name_end)
    if spaces and spaces.end() < len(text):
        flag = name_start > 0 and text[name_start - 1] == "-"
        if flag or text[spaces.end()] in "\"'":
            return spaces.end()
    return -1


def _value_end(text: str, start: int, *, query: bool = False) -> int:
    """Where a value ends: at its closing quote, else at white space; in a URL's query at `&` too."""
    at = start
    size = len(text)
    while at < size:
        char = text[at]
        if char in "\"'":
            escaped = at > start and text[at - 1] == "\\"
            end = _closing(text, at, escaped=escaped)
            if end < 0:
                # At its beginning a quote without an end is a text cut short; within, it closes what is around.
                return size if at == start else at
            if at == start + escaped and (end == size or not (text[end].isalnum() or text[end] in "\"'")):
                return end  # quoted as a whole; else pieces are put together as a shell does
            at = end
        elif char.isspace():
            if text[start:at].strip("\"'").lower() in _SCHEMES:
                spaces = _SPACES.match(text, at)
                start = at = spaces.end() if spaces else at + 1
                continue
            break
        elif char == "&" and query:
            break
        else:
            plain = _PLAIN.match(text, at)
            at = plain.end() if plain else at + 1
    return at


def _closing(text: str, opening: int, *, escaped: bool) -> int:
    """The position after the quote that closes the one at `opening`; -1 without one."""
    quote = text[opening]
    at = opening + 1
    while (at := text.find(quote, at)) >= 0:
        backslashes = 0
        while at - backslashes > opening + 1 and text[at - backslashes - 1] == "\\":
            backslashes += 1
        if bool(backslashes % 2) == escaped or (quote == "'" and not escaped):
            return at + 1
        at += 1
    return -1


def _in_urls(text: str) -> Iterator[Span]:
    """The password of a URL's user part; a user part without a colon that is long enough to be a token."""
    for match in _URL.finditer(text):
        rest = match.group(2)
        begin = match.start(2)
        slash = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
        sign = rest.rfind("@", 0, slash)
        colon = rest.find(":")
        # Passwords hold `/`, `?` and `#` unescaped more often than they should. But `http://host:80/mail@host` is none.
        port = rest[colon + 1 : slash].isdigit() and rest[slash : slash + 1] == "/"
        if colon >= 0 and not (port and match.group(1).lower() in _WITH_PATHS):
            sign = rest.rfind("@")
        if sign < 0:
            continue
        if 0 <= colon < sign:
            yield begin + colon + 1, begin + sign
        elif sign >= 16:
            yield begin, begin + sign
