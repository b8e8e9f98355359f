"""Which cluster, and as whom: the kubeconfig as kubectl reads it, or the service account inside a Pod."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podprobe.errors import AccessError, TargetError
from podprobe.targets.kubernetes.tls import Tls, certificates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DEFAULT_PATH = "~/.kube/config"
_IN_CLUSTER_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True)
class Connection:
    """A cluster and an identity on it."""

    configuration: Any
    """`kubernetes.client.Configuration`: server, certificates, proxy, and the token, renewed when it expires."""
    tls: Tls
    """Its certificates."""
    namespace: str
    """The context's, where the user names none."""
    context: str | None
    """`None` inside a cluster."""
    impersonation: tuple[tuple[str, str], ...] = ()
    """The `Impersonate-*` headers."""

    reload: Callable[[Any], Any] | None = None
    """Reads the credentials anew into a configuration: a credential plugin runs again, a token's file is read again."""

    def renew(self) -> bool:
        """The API server refused the token: get another. False where there is no other."""
        if self.reload is None:
            return False
        before = self.configuration.api_key.get("BearerToken")
        self.reload(self.configuration)
        return bool(self.configuration.api_key.get("BearerToken") != before)

    def headers(self) -> list[tuple[str, str]]:
        """Who is asking. Reads a new token first where the old one has expired."""
        token = self.configuration.get_api_key_with_prefix("BearerToken")
        return [*([("Authorization", token)] if token else []), *self.impersonation]


def connect(
    *,
    context: str | None = None,
    kubeconfig: str | None = None,
    as_user: str | None = None,
    as_groups: tuple[str, ...] = (),
) -> Connection:
    """Read the configuration; nothing is sent yet.

    Args:
        context: a context of the kubeconfig; its current one where absent.
        kubeconfig: a file; else the files of `$KUBECONFIG`, else `~/.kube/config`, else the service account of
            the Pod that podprobe runs in.
        as_user: impersonate this user, as kubectl's `--as` does.
        as_groups: impersonate these groups.

    Raises:
        TargetError: there is no configuration, or it does not hold what is asked for.
        AccessError: a credential plugin failed.
    """
    if as_groups and not as_user:
        raise TargetError("--as-group needs --as", "name the user to impersonate: --as USER")
    # Imported here: 200 ms.
    from kubernetes.client.configuration import Configuration
    from kubernetes.config.config_exception import ConfigException

    configuration: Any = Configuration()
    name: str | None = None
    user: dict[str, Any] = {}
    try:
        if kubeconfig is None and "KUBECONFIG" not in os.environ and _in_cluster():
            from kubernetes.config import incluster_config

            incluster: Any = incluster_config
            reload: Callable[[Any], Any] = incluster.load_incluster_config
            reload(configuration)
            tls = Tls(configuration)
            namespace = _IN_CLUSTER_NAMESPACE.read_text().strip() or "default"
        else:
            paths = _paths(kubeconfig)
            with certificates() as directory:
                name, namespace, user = _load(configuration, paths, context, directory)
                tls = _read_at_once(configuration, directory)
            reload = functools.partial(_reload, paths=paths, context=name)
    except ConfigException as error:
        raise TargetError(
            f"the kubeconfig cannot be used: {error}", "compare it with: kubectl config view"
        ) from None
    # Errors come back at once and are told once; waiting and trying again is decided here, not in urllib3.
    configuration.retries = False
    if configuration.proxy:
        configuration.proxy_ssl_context = tls.requests
    return Connection(
        configuration, tls, namespace, name,
        tuple(_impersonation(as_user or user.get("as"), as_groups or tuple(user.get("as-groups") or ()))), reload,
    )  # fmt: skip


def _read_at_once(configuration: Any, directory: str) -> Tls:
    """The certificates, before those that are in `directory` go."""
    tls = Tls(configuration)
    if any(Path(directory).iterdir()):
        _ = tls.requests, tls.streams
    return tls


def _reload(configuration: Any, paths: list[str], context: str | None) -> None:
    with certificates() as directory:
        _load(configuration, paths, context, directory)


def _paths(kubeconfig: str | None) -> list[str]:
    if kubeconfig is not None:
        if not Path(kubeconfig).is_file():
            raise TargetError(
                f"there is no kubeconfig {kubeconfig}", "name an existing file with --kubeconfig"
            )
        return [kubeconfig]
    named = [path for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    paths = [path for path in named or [_DEFAULT_PATH] if Path(path).expanduser().is_file()]
    if not paths:
        where = " or ".join(named or [_DEFAULT_PATH])
        raise TargetError(
            f"there is no kubeconfig: {where} does not exist",
            "name one with --kubeconfig or KUBECONFIG; without a cluster, try: podprobe demo",
        )
    return paths


def _load(
    configuration: Any, paths: list[str], context: str | None, directory: str
) -> tuple[str, str, dict[str, Any]]:
    from kubernetes.config import kube_config

    library: Any = kube_config
    documents = [_document(Path(path).expanduser()) for path in paths]
    merged = library.KubeConfigMerger(os.pathsep.join(paths)).config
    # As kubectl merges: the first file that sets it wins. (The library lets the last one win.)
    current = next((one["current-context"] for one in documents if one.get("current-context")), None)
    name = context or (str(current) if current else None)
    known = [str(entry["name"]) for entry in merged.value.get("contexts") or []]
    if name not in known:
        asked = f"no context {name!r}" if name else "no current context"
        raise TargetError(
            f"the kubeconfig has {asked}",
            f"name one with --context: {', '.join(known)}" if known else "it has no contexts at all",
        )
    with _complaints() as complaints:
        loader = library.KubeConfigLoader(
            merged, active_context=name, config_base_path=None, temp_file_path=directory
        )
        loader.load_and_set(configuration)
    user = dict(loader._user.value) if loader._user else {}  # noqa: SLF001  # the only way to the merged user
    if "exec" in user and not (configuration.api_key or configuration.cert_file):
        command = user["exec"].get("command", "?")
        said = "; ".join(complaints) or "it gave no credential"
        raise AccessError(
            f"the kubeconfig's credential plugin {command!r} failed: {said}",
            f"run it by hand, or log in again; {user['exec'].get('installHint') or ''}".rstrip("; "),
        )
    details = loader.current_context["context"]
    return name, details.get("namespace") or "default", user


def _document(path: Path) -> dict[str, Any]:
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
    lists = ("clusters", "users", "contexts")
    if not isinstance(content, dict) or not all(_named(content.get(key) or []) for key in lists):
        raise TargetError(f"the kubeconfig {path} is none", "compare it with: kubectl config view")
    return content


def _named(entries: Any) -> bool:
    return isinstance(entries, list) and all(isinstance(one, dict) and "name" in one for one in entries)


@contextlib.contextmanager
def _complaints() -> Iterator[list[str]]:
    # The library logs what a credential plugin said on the root logger, and goes on without credentials.
    said: list[str] = []

    class _Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(" ".join(record.getMessage().split()))

    root, handler = logging.getLogger(), _Collect(logging.ERROR)
    others = list(root.handlers)
    root.handlers[:] = [handler]
    try:
        yield said
    finally:
        root.handlers[:] = others


def _impersonation(user: str | None, groups: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if user:
        yield "Impersonate-User", user
    for group in groups:
        yield "Impersonate-Group", group


def _in_cluster() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ and not Path(_DEFAULT_PATH).expanduser().exists()
