"""A command line: its arguments are known one by one, so a value may hold anything."""

from __future__ import annotations

import re

from podprobe_agent.redact import names
from podprobe_agent.redact.text import REDACTED, redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Span = tuple[int, int]

_FLAG = re.compile(r"--?([A-Za-z_][\w.\-]*)\Z")
_ASSIGNMENT = re.compile(
    r"(-{0,2}(?:D(?=[a-z][\w\-]*\.))?([A-Za-z_][\w.\-\[\]]*)\s*[=:]\s*)(?!//)(?=.)", re.DOTALL
)
_SCRIPT_FLAG = re.compile(r"-[a-z]*c\Z|--(?:eval|command)\Z")
_TOKEN = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s\"']+", re.DOTALL)

# Flags that are secret in one program and harmless in others. An attached value counts too (`mysql -pVALUE`).
_MYSQL = frozenset(("-p",))
_PROGRAMS = {
    **dict.fromkeys(
        (
            "mysql mysqldump mysqladmin mysqlsh mysqlcheck mysqlimport mysqlbinlog mariadb mariadb-dump "
            "mariadb-admin mariadb-backup mongo mongosh mongodump mongorestore sshpass 7z 7za rar unrar"
        ).split(),
        _MYSQL,
    ),
    **dict.fromkeys(
        "ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldappasswd".split(), frozenset(("-w",))
    ),
    **dict.fromkeys(
        "curl http https wget etcdctl".split(), frozenset(("-u", "--user", "-U", "--proxy-user"))
    ),
    **dict.fromkeys("smbclient rpcclient".split(), frozenset(("-U", "--user"))),
    **dict.fromkeys("sqlcmd bcp tsql isql unzip zip mosquitto_pub mosquitto_sub".split(), frozenset(("-P",))),
    **dict.fromkeys("snmpget snmpwalk snmpset snmpbulkwalk".split(), frozenset(("-c", "-A", "-X"))),
    "redis-cli": frozenset(("-a",)),
    "valkey-cli": frozenset(("-a",)),
    "lftp": frozenset(("-u",)),
    "docker": frozenset(("-p",)),
    "podman": frozenset(("-p",)),
    "openssl": frozenset(("-k", "-K", "-pass")),
    "cqlsh": frozenset(("-p",)),
    "influx": frozenset(("-t",)),
}
# Subcommands whose operands end in a secret: number of operands before it.
_OPERANDS = {
    ("rabbitmqctl", "add_user"): 1,
    ("rabbitmqctl", "change_password"): 1,
    ("vault", "login"): 0,
    ("mc", "alias"): 3,
}


class Redactor:
    """Redacts command lines; remembers those that it has seen, for most stay as they are from look to look.

    Args:
        patterns: the user's own regular expressions. What their groups match goes, all of the match where there
            is no group.

    Attributes:
        errors: patterns that are none, each with the reason.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        self.patterns = tuple(patterns)
        self.errors: list[str] = []
        self._patterns: list[re.Pattern[str]] = []
        for pattern in patterns:
            try:
                self._patterns.append(re.compile(pattern))
            except re.error as error:
                self.errors.append(f"{pattern!r}: {error}")
        self._seen: dict[tuple[str, ...], str] = {}

    def command(self, arguments: Sequence[str]) -> str:
        """The command line as one line of text, arguments parted by spaces, without its secrets."""
        key = tuple(arguments)
        known = self._seen.get(key)
        if known is None:
            known = " ".join(self._arguments(key))
            if len(self._seen) >= 512:
                self._seen.clear()
            self._seen[key] = known
        return known

    def arguments(self, arguments: Sequence[str]) -> tuple[str, ...]:
        """The arguments one by one, without their secrets."""
        return tuple(self._arguments(tuple(arguments)))

    def text(self, text: str) -> str:
        """Free text without its secrets."""
        return redact(text, [*self._custom(text), *_program_values(text)])

    def _arguments(self, arguments: tuple[str, ...]) -> Iterator[str]:
        secret_flags: set[str] = set()
        pending = ""  # name of the flag before, where it wants a secret for its value
        operands = -1  # operands still to come before one that is a secret
        before = ""
        for argument in arguments:
            program = argument.rpartition("/")[2]
            secret_flags |= _PROGRAMS.get(program, frozenset())
            if pending and names.is_secret(pending, argument):
                # A flag in its place (`--password --token x`) is more likely one than a password.
                yield REDACTED
                pending = _wants_secret(argument)
            elif operands == 0 and not argument.startswith("-"):
                yield REDACTED
                operands = -1
            else:
                pending = "password" if argument in secret_flags else _wants_secret(argument)
                attached = not pending and argument[:2] in secret_flags and not argument.startswith("--")
                if attached:
                    yield argument[:2] + REDACTED
                else:
                    yield self._argument(argument, script=bool(_SCRIPT_FLAG.match(before)))
                if operands > 0 and not argument.startswith("-"):
                    operands -= 1
            operands = _OPERANDS.get((before.rpartition("/")[2], program), operands)
            before = argument

    def _argument(self, argument: str, *, script: bool) -> str:
        """One argument. Unless it is a script, what follows `NAME=` is the value to its end, spaces and all."""
        assignment = None if script else _ASSIGNMENT.match(argument)
        if assignment and names.is_secret(assignment.group(2), argument[assignment.end() :]):
            return assignment.group(1) + REDACTED
        return self.text(argument)

    def _custom(self, text: str) -> Iterator[Span]:
        for pattern in self._patterns:
            for match in pattern.finditer(text):
                groups = range(1, pattern.groups + 1) if pattern.groups else (0,)
                for group in groups:
                    start, end = match.span(group)
                    if end > start:
                        yield start, end


def _wants_secret(argument: str) -> str:
    """The name of a flag whose value, the next argument, may be a secret; empty for any other argument."""
    flag = _FLAG.match(argument)
    return flag.group(1) if flag and names.kind(flag.group(1)) else ""


def _program_values(text: str) -> Iterator[Span]:
    """Values of programs' own flags within a script: `sh -c "mysql -pVALUE"`."""
    if " " not in text:
        return
    flags: frozenset[str] = frozenset()
    pending = False
    for token in _TOKEN.finditer(text):
        word = token.group()
        if pending:
            yield token.span()
            pending = False
            continue
        flags = _PROGRAMS.get(word.rpartition("/")[2], flags)
        if word in flags:
            pending = True
        elif word[:2] in flags and not word.startswith("--"):
            yield token.start() + 2, token.end()
