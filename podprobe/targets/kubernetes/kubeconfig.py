"""Which cluster, and as whom: the kubeconfig as kubectl reads it, or the service account inside a Pod."""

from __future__ import annotations

import base64
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podprobe.errors import TargetError
from podprobe.targets.kubernetes import impersonation
from podprobe.targets.kubernetes.credentials import Fixed, FromLibrary, FromPlugin, TokenFile
from podprobe.targets.kubernetes.kubeconfig_files import choose, existing, wanted
from podprobe.targets.kubernetes.plugin import Plugin
from podprobe.targets.kubernetes.proxy import Proxy, proxy_for
from podprobe.targets.kubernetes.tls import Tls

if TYPE_CHECKING:
    from podprobe.targets.kubernetes.credentials import Credentials
    from podprobe.targets.kubernetes.kubeconfig_files import Chosen

_IN_CLUSTER_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_NO_ACCOUNT = (
    "mount the service account's token into the Pod (automountServiceAccountToken), or name a kubeconfig"
)
_EXTENSION = "client.authentication.k8s.io/exec"


@dataclass(frozen=True)
class Connection:
    """A cluster and an identity on it."""

    server: str
    """URL of the API server, without a slash at its end."""
    tls: Tls
    """Its certificates, and the client's."""
    namespace: str
    """The context's, where the user names none."""
    context: str | None
    """`None` inside a cluster."""
    impersonation: tuple[tuple[str, str], ...] = ()
    """The `Impersonate-*` headers."""
    credentials: Credentials = field(default_factory=Fixed)
    """The token, renewed when it expires."""
    proxy: Proxy | None = None
    """On the way to the server."""
    server_name: str | None = None
    """The name in its certificate, where it is not the URL's."""

    def renew(self, asked: float | None = None) -> bool:
        """The API server refused what was in use at `asked` (`time.monotonic`): get another. False: there is none."""
        return self.credentials.renew(time.monotonic() if asked is None else asked)

    def headers(self) -> list[tuple[str, str]]:
        """Who is asking. Gets a new token first where the old one has expired.

        Raises:
            AccessError: there is no new one.
        """
        shown = self.credentials.authorization()
        return [*([("Authorization", shown)] if shown else []), *self.impersonation]


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
    paths = existing(kubeconfig)
    chosen = choose(paths, context)
    if chosen is None and (kubeconfig is not None or "KUBERNETES_SERVICE_HOST" not in os.environ):
        raise _no_kubeconfig(paths)
    if chosen is None and context is not None:
        raise TargetError(
            f"there is no context {context!r}: there is no kubeconfig, and inside a Pod its service account has none",
            "leave out --context, or name the kubeconfig with --kubeconfig or KUBECONFIG",
        )
    asked = impersonation.headers(chosen.user if chosen else {}, as_user, as_groups)
    return _by_kubeconfig(chosen, asked) if chosen else _in_cluster(asked)


def _no_kubeconfig(paths: list[Path]) -> TargetError:
    hint = "name one with --kubeconfig or KUBECONFIG; without a cluster, try: podprobe demo"
    if paths:
        return TargetError(f"the kubeconfig {' and '.join(map(str, paths))} is empty", hint)
    return TargetError(f"there is no kubeconfig: {' or '.join(wanted())} does not exist", hint)


def _in_cluster(asked: tuple[tuple[str, str], ...]) -> Connection:
    from kubernetes.config import incluster_config

    library: Any = incluster_config
    credentials = FromLibrary(library.load_incluster_config, "service account of this Pod", _NO_ACCOUNT)
    loaded = credentials.configuration
    tls = Tls(wanted=True, authority=Path(loaded.ssl_ca_cert).read_bytes())
    proxy = proxy_for(loaded.host, None)
    try:
        namespace = _IN_CLUSTER_NAMESPACE.read_text().strip()
    except OSError:
        namespace = ""
    return Connection(loaded.host, tls, namespace or "default", None, asked, credentials, proxy)


def _by_kubeconfig(chosen: Chosen, asked: tuple[tuple[str, str], ...]) -> Connection:
    cluster = chosen.cluster
    authority, (certificate, key) = chosen.authority(), chosen.certificate()
    insecure = bool(cluster.get("insecure-skip-tls-verify"))
    server = _server(chosen, tls=bool(authority or certificate or insecure))
    tls = Tls(
        wanted=server.startswith("https"), verify=not insecure, authority=authority, certificate=certificate,
        key=key,
    )  # fmt: skip
    proxy = proxy_for(server, str(cluster.get("proxy-url") or "") or None)
    return Connection(
        server, tls, chosen.namespace, chosen.context, asked, _credentials(chosen, tls, authority), proxy,
        cluster.get("tls-server-name"),
    )  # fmt: skip


def _server(chosen: Chosen, *, tls: bool) -> str:
    said = str(chosen.cluster.get("server") or "").strip().rstrip("/")
    if not said:
        raise TargetError(
            f"the kubeconfig names no server for the context {chosen.context!r}",
            "compare it with: kubectl config view",
        )
    scheme, found, rest = said.partition("://")
    if not found:
        # As kubectl has it.
        return f"{'https' if tls else 'http'}://{said}"
    return f"{scheme.lower()}://{rest}"


def _credentials(chosen: Chosen, tls: Tls, authority: bytes | None) -> Credentials:
    """As kubectl prefers them: a token's file, a token, a password, a plugin; what the library knows comes last."""
    user = chosen.user
    if user.get("tokenFile"):
        return TokenFile(chosen.user_directory / str(user["tokenFile"]))
    if user.get("token"):
        return Fixed(f"Bearer {str(user['token']).strip()}")
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password') or ''}"
        return Fixed(f"Basic {base64.b64encode(pair.encode()).decode()}")
    if isinstance(user.get("exec"), dict):
        told = _cluster_info(chosen, authority) if user["exec"].get("provideClusterInfo") else None
        return FromPlugin(Plugin(user["exec"], chosen.user_directory, told), tls)
    if isinstance(user.get("auth-provider"), dict):
        return FromLibrary(
            _provider(chosen),
            f"kubeconfig's auth provider {user['auth-provider'].get('name')!r}",
            "log in again",
        )
    return Fixed(None)


def _provider(chosen: Chosen) -> Any:
    from kubernetes.config import kube_config

    library: Any = kube_config
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {}}],
        "users": [{"name": "u", "user": {"auth-provider": chosen.user["auth-provider"]}}],
    }
    return library.KubeConfigLoader(document).load_and_set


def _cluster_info(chosen: Chosen, authority: bytes | None) -> dict[str, Any]:
    """`spec.cluster` of what a plugin is told."""
    same = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")
    told: dict[str, Any] = {name: chosen.cluster[name] for name in same if chosen.cluster.get(name)}
    if authority:
        told["certificate-authority-data"] = base64.b64encode(authority).decode()
    for extension in chosen.cluster.get("extensions") or ():
        if isinstance(extension, dict) and extension.get("name") == _EXTENSION:
            told["config"] = extension.get("extension")
    return told
