"""What shows the API server who is asking, got anew when it is over or was refused. Thread-safe."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from podprobe.errors import AccessError, PodprobeError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podprobe.targets.kubernetes.plugin import Credential, Plugin
    from podprobe.targets.kubernetes.tls import Tls

_REREAD_SECONDS = 60.0
"""How long a token's file is taken from memory."""


class Credentials(Protocol):
    """An `Authorization` header, and another when that was refused."""

    def authorization(self) -> str | None:
        """The header's value; `None` where there is none: a certificate tells, or nobody is asking."""

    def renew(self, asked: float) -> bool:
        """What was in use at `asked` (`time.monotonic`) was refused: get another. False where there is no other."""


class Fixed:
    """A token or a password that stands in the kubeconfig."""

    def __init__(self, value: str | None = None) -> None:
        self._value = value

    def authorization(self) -> str | None:
        """It."""
        return self._value

    def renew(self, asked: float) -> bool:  # noqa: ARG002
        """There is no other."""
        return False


class TokenFile:
    """A token in a file that somebody else keeps fresh.

    Raises:
        TargetError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._token, self._read_at = self._read(), time.monotonic()

    def authorization(self) -> str | None:
        """As the file had it a minute ago at most."""
        with self._lock:
            if time.monotonic() - self._read_at > _REREAD_SECONDS:
                self._again()
            return f"Bearer {self._token}"

    def renew(self, asked: float) -> bool:  # noqa: ARG002
        """The file may hold another by now."""
        with self._lock:
            before = self._token
            self._again()
            return self._token != before

    def _again(self) -> None:
        self._read_at = time.monotonic()
        try:
            self._token = self._read()
        except TargetError:
            return  # it may just be replaced; the one that is known holds until it is refused

    def _read(self) -> str:
        try:
            token = self._path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "it is not text"
            raise TargetError(
                f"cannot read the token file {self._path}: {said}", "see tokenFile in the kubeconfig"
            ) from None
        if not token:
            raise TargetError(f"the token file {self._path} is empty", "see tokenFile in the kubeconfig")
        return token


class FromPlugin:
    """What a credential plugin gives, used until it expires. Runs the plugin at once.

    Args:
        plugin: the program.
        tls: is told of the client certificates that it gives.

    Raises:
        AccessError: the plugin failed.
    """

    def __init__(self, plugin: Plugin, tls: Tls) -> None:
        self._plugin = plugin
        self._tls = tls
        self._lock = threading.Lock()
        self._credential, self._got_at = self._run()

    def authorization(self) -> str | None:
        """The token; runs the plugin again where it has expired."""
        with self._lock:
            expiry = self._credential.expires_at
            if expiry and expiry <= dt.datetime.now(dt.UTC):
                self._credential, self._got_at = self._run()
            return f"Bearer {self._credential.token}" if self._credential.token else None

    def renew(self, asked: float) -> bool:
        """Run the plugin again, once for all who were refused at the same time."""
        with self._lock:
            if self._got_at <= asked:
                before = self._credential
                self._credential, self._got_at = self._run()
                return self._credential != before
            return True

    def _run(self) -> tuple[Credential, float]:
        made = self._plugin.run()
        now = dt.datetime.now(dt.UTC)
        if made.expires_at and made.expires_at <= now:
            # One of the two clocks is wrong. Whether it is still good the API server tells.
            made = dataclasses.replace(made, expires_at=None)
        if made.certificate:
            self._tls.show(*made.certificate)
        return made, time.monotonic()


class FromLibrary:
    """What the Kubernetes library knows of: a service account in its Pod, the older providers (`oidc`, `gcp`).

    Args:
        load: fills a `kubernetes.client.Configuration`.
        name: for errors: `auth provider 'oidc'`.
        hint: what to do where it fails.

    Raises:
        AccessError: it does not work.
    """

    def __init__(self, load: Callable[[Any], Any], name: str, hint: str) -> None:
        # Imported here: 200 ms.
        from kubernetes.client.configuration import Configuration

        self._load = load
        self._name = name
        self._hint = hint
        self._lock = threading.Lock()
        self.configuration: Any = Configuration()
        self._try(lambda: load(self.configuration))

    def authorization(self) -> str | None:
        """The token; reads a new one where it has expired."""
        with self._lock:
            found: str | None = self._try(lambda: self.configuration.get_api_key_with_prefix("BearerToken"))
            return found

    def renew(self, asked: float) -> bool:  # noqa: ARG002
        """Load anew."""
        before = self.authorization()
        with self._lock:
            self._try(lambda: self._load(self.configuration))
        return self.authorization() != before

    def _try(self, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except PodprobeError:
            raise
        except Exception as error:  # noqa: BLE001  # of files, JSON, HTTP, OAuth: none of them says what to do
            raise AccessError(f"the {self._name} failed: {error}", self._hint) from None
