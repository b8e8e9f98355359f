"""The files of a kubeconfig, found, read and merged as kubectl does it."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podprobe.errors import TargetError

DEFAULT_PATH = "~/.kube/config"
_LISTS = {"clusters": "cluster", "users": "user", "contexts": "context"}


@dataclass(frozen=True)
class Chosen:
    """One context of a kubeconfig, with its cluster and its user."""

    context: str
    namespace: str
    cluster: dict[str, Any]
    user: dict[str, Any]
    cluster_directory: Path
    """Of the file that the cluster stands in: relative paths begin there."""
    user_directory: Path
    """Of the file that the user stands in."""

    def authority(self) -> bytes | None:
        """What the API server's certificate is checked by, PEM; `None`: the system's authorities.

        Raises:
            TargetError: it cannot be read.
        """
        return _content(self.cluster, "certificate-authority", self.cluster_directory)

    def certificate(self) -> tuple[bytes | None, bytes | None]:
        """The client's certificate and its key, PEM.

        Raises:
            TargetError: one of them cannot be read.
        """
        return (
            _content(self.user, "client-certificate", self.user_directory),
            _content(self.user, "client-key", self.user_directory),
        )


def existing(named: str | None) -> list[Path]:
    """The files: that which is named, else those of `$KUBECONFIG` that exist, else `~/.kube/config` if it exists.

    Raises:
        TargetError: the one that is named does not exist.
    """
    if named is not None:
        if not Path(named).is_file():
            raise TargetError(f"there is no kubeconfig {named}", "name an existing file with --kubeconfig")
        return [Path(named)]
    paths = (Path(path).expanduser() for path in wanted())
    return [path for path in paths if path.is_file()]


def wanted() -> list[str]:
    """Where the files should be, if none is named."""
    return [path for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path] or [DEFAULT_PATH]


def choose(paths: list[Path], context: str | None) -> Chosen | None:
    """A context, the current one where none is named; `None` where the files hold nothing at all.

    The first file that has an entry wins.

    Raises:
        TargetError: there is no such context, or a file is no kubeconfig.
    """
    found: dict[str, dict[str, tuple[dict[str, Any], Path]]] = {name: {} for name in _LISTS}
    current: str | None = None
    documents = [(document, path) for path in paths if (document := _document(path)) is not None]
    if not documents:
        return None
    for document, path in documents:
        current = current or document.get("current-context")
        for entries, inner in _LISTS.items():
            for one in document.get(entries) or ():
                found[entries].setdefault(str(one["name"]), (one.get(inner) or {}, path.absolute().parent))
    name = context or current
    if name is None or str(name) not in found["contexts"]:
        known = ", ".join(found["contexts"])
        raise TargetError(
            f"the kubeconfig has {f'no context {name!r}' if name else 'no current context'}",
            f"name one with --context: {known}" if known else "it has no contexts at all",
        )
    details, _ = found["contexts"][str(name)]
    named = str(details.get("cluster") or "")
    if named not in found["clusters"]:
        raise TargetError(
            f"the kubeconfig cannot be used: there is no cluster {named!r}, which its context {name!r} names",
            "compare it with: kubectl config view",
        )
    cluster, cluster_directory = found["clusters"][named]
    user, user_directory = found["users"].get(str(details.get("user") or ""), ({}, Path()))
    return Chosen(
        str(name),
        str(details.get("namespace") or "default"),
        cluster,
        user,
        cluster_directory,
        user_directory,
    )


def _document(path: Path) -> dict[str, Any] | None:
    import yaml

    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise TargetError(
            f"cannot read the kubeconfig {path}: {error.strerror}", "check its permissions"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise TargetError(
            f"the kubeconfig {path} is not YAML: {problem}", "repair it, or name another"
        ) from None
    if content is None:
        return None
    if not isinstance(content, dict) or not all(
        _named(content.get(entries) or [], inner) for entries, inner in _LISTS.items()
    ):
        raise TargetError(f"the kubeconfig {path} is none", "compare it with: kubectl config view")
    return content


def _named(entries: Any, inner: str) -> bool:
    return isinstance(entries, list) and all(
        isinstance(one, dict) and "name" in one and isinstance(one.get(inner) or {}, dict) for one in entries
    )


def _content(entry: dict[str, Any], field: str, directory: Path) -> bytes | None:
    """What `field-data` holds, else the file that `field` names."""
    hint = "repair the kubeconfig, or log in again"
    if data := entry.get(f"{field}-data"):
        try:
            return base64.b64decode("".join(str(data).split()), validate=True)
        except ValueError as error:
            raise TargetError(f"{field}-data of the kubeconfig is not base64: {error}", hint) from None
    if not entry.get(field):
        return None
    path = directory / str(entry[field])
    try:
        return path.read_bytes()
    except OSError as error:
        raise TargetError(f"cannot read {path}, {field} of the kubeconfig: {error.strerror}", hint) from None
