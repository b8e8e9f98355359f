"""The kubeconfig's credential plugin: a program that prints a token, a client certificate, or both."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from podprobe.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECONDS = 120.0
"""How long a plugin may take where nobody can be asked: some open a browser and wait for it."""
INTERACTIVE_SECONDS = 600.0
"""How long where a person at the terminal is asked."""
_TAIL = 600


@dataclass(frozen=True)
class Credential:
    """What a plugin gave. Its `repr` holds no secret."""

    token: str | None = field(repr=False)
    certificate: tuple[bytes, bytes] | None = field(repr=False)
    """With its key, PEM."""
    expires_at: dt.datetime | None


@dataclass(frozen=True)
class Plugin:
    """A credential plugin, as the kubeconfig's `exec` names it."""

    settings: Mapping[str, Any]
    """`command`, `args`, `env`, `apiVersion`, `interactiveMode`, `installHint`."""
    directory: Path
    """Of the kubeconfig: a relative path to the program begins there."""
    cluster: Mapping[str, Any] | None = None
    """`spec.cluster`, where the plugin wants it."""

    def run(self) -> Credential:
        """Run it to its end.

        Raises:
            AccessError: it is not there, fails, does not end in time, or prints something else.
        """
        interactive = self._interactive()
        arguments = [self._program(), *map(str, self.settings.get("args") or ())]
        try:
            # One that asks at the terminal has to be of the terminal's session; another can be ended with all its own.
            process = subprocess.Popen(
                arguments,
                stdin=None if interactive else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=None if interactive else subprocess.PIPE,
                env=self._environment(interactive),
                start_new_session=not interactive,
            )
        except OSError as error:
            self._fail(error.strerror or str(error))
        seconds = INTERACTIVE_SECONDS if interactive else SECONDS
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as late:
            self._fail(f"it did not end within {seconds:.0f} s", _tail(late.stderr))
        finally:
            _end(process, group=not interactive)
        if process.returncode:
            said = "it has said why above" if interactive else _tail(errors)
            self._fail(f"exit status {process.returncode}", said)
        return self._read(output)

    def _interactive(self) -> bool:
        mode = self.settings.get("interactiveMode") or "IfAvailable"
        available = mode != "Never" and _terminal()
        if mode == "Always" and not available:
            self._fail(
                "it has to ask at a terminal, and there is none: log in first, or run podprobe at a terminal"
            )
        return available

    def _program(self) -> str:
        command = str(self.settings.get("command") or "")
        if not command:
            self._fail("the kubeconfig names no command")
        return str(self.directory / command) if "/" in command else command

    def _environment(self, interactive: bool) -> dict[str, str]:
        more = {str(one["name"]): str(one.get("value", "")) for one in self.settings.get("env") or ()}
        spec: dict[str, Any] = {"interactive": interactive}
        if self.cluster is not None:
            spec["cluster"] = self.cluster
        info = {"apiVersion": self.settings.get("apiVersion"), "kind": "ExecCredential", "spec": spec}
        return {**os.environ, **more, "KUBERNETES_EXEC_INFO": json.dumps(info)}

    def _read(self, output: bytes) -> Credential:
        try:
            answer = json.loads(output)
            status = answer["status"]
            kind, version = answer["kind"], answer["apiVersion"]
            expiry = status.get("expirationTimestamp")
            expires_at = dt.datetime.fromisoformat(expiry) if expiry else None
            token = status.get("token") or None
            certificate, key = status.get("clientCertificateData"), status.get("clientKeyData")
            pair = (certificate.encode(), key.encode()) if certificate and key else None
        except (ValueError, KeyError, TypeError, AttributeError):
            # What it printed may be a secret: not repeated.
            self._fail("it printed no ExecCredential")
        if kind != "ExecCredential" or version != self.settings.get("apiVersion"):
            self._fail(
                f"it printed {kind} of {version}, not ExecCredential of {self.settings.get('apiVersion')}"
            )
        if token is None and pair is None:
            self._fail("it gave neither a token nor a certificate with its key")
        if expires_at and expires_at.tzinfo is None:
            expires_at = expires_at.replace(tzinfo=dt.UTC)
        return Credential(None if token is None else str(token).strip(), pair, expires_at)

    def _fail(self, why: str, said: str = "") -> NoReturn:
        hint = " ".join(str(self.settings.get("installHint") or "").split())
        raise AccessError(
            f"the kubeconfig's credential plugin {self.settings.get('command') or ''!r} failed: "
            + (f"{why}: {said}" if said else why),
            f"run it by hand, or log in again{'; ' + hint if hint else ''}",
        ) from None


def _terminal() -> bool:
    """Somebody can be asked. Not while the live view has the screen: standard error is none of the terminal then."""
    try:
        return os.isatty(sys.stdin.fileno()) and os.isatty(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):
        return False


def _end(process: subprocess.Popen[bytes], *, group: bool) -> None:
    if process.returncode is None:
        with contextlib.suppress(OSError):
            if group:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


def _tail(text: bytes | None) -> str:
    return " ".join((text or b"").decode(errors="replace").split())[-_TAIL:]
