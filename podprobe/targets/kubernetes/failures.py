"""The API server's failures, translated once, at this edge, into errors that say what to do."""

from __future__ import annotations

import re
import socket
import ssl
from typing import TYPE_CHECKING, Any

import msgspec

from podprobe.decoding import decode
from podprobe.errors import AccessError, LookError, TargetError
from podprobe.targets.kubernetes.objects import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podprobe.targets.kubernetes.asks import Ask
    from podprobe.targets.kubernetes.proxy import Proxy

GRANT = (
    "grant it: `podprobe doctor --role | kubectl apply -f -`, and bind the role; "
    "`podprobe doctor` lists what is missing"
)

_NOT_FOUND = re.compile(r'(?:nodes|pods) "([^"]+)" not found')
_DENIED = re.compile(r' cannot (\w+) resource "')
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3}) ?(.*)")
_PROXY_PASSWORD = "say them in the proxy's URL (proxy-url of the kubeconfig, or HTTPS_PROXY): http://USER:PASSWORD@HOST:PORT"  # noqa: S105  # how to say one


class ApiError(LookError):
    """The API server refused or failed. Callers that know better catch it by its `status`.

    Args:
        message, hint: as of every error.
        status: the HTTP status; 0 where there was no answer.
        reason: the machine-readable word of the answer: `NotFound`, `Forbidden`, `Invalid`, …
        answer: what the API server said, in full.
    """

    def __init__(
        self, message: str, hint: str = "", *, status: int = 0, reason: str = "", answer: str = ""
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.reason = reason
        self.answer = answer

    @property
    def lacks_permission(self) -> bool:
        """RBAC refused; admission, which answers 403 as well, did not."""
        return self.status == 403 and _DENIED.search(self.answer) is not None

    @property
    def says_not_found(self) -> bool:
        """An API server says that there is no such object; a 404 of anything else says nothing of it."""
        return self.status == 404 and self.reason == "NotFound"


class ApiAccessError(ApiError, AccessError):
    """401 and 403: permission is missing."""


class ApiTargetError(ApiError, TargetError):
    """404 and 410: it is not there (any more)."""


def refused(
    ask: Ask, status: int, body: bytes, headers: Mapping[str, str], server: str = "the server"
) -> ApiError:
    """The error for an answer with an HTTP status of 400 or more."""
    try:
        told = decode(body, Status)
    except msgspec.DecodeError:
        told = Status(message=body[:300].decode(errors="replace").strip())
    answer = " ".join(told.message.split()) or f"HTTP {status}"
    facts: dict[str, Any] = {"status": status, "reason": told.reason, "answer": answer}
    if status == 401:
        return ApiAccessError(
            f"the API server does not know who you are (401): {answer}",
            "the credentials of this kubeconfig context are missing, wrong or expired: log in again",
            **facts,
        )
    if status == 403:
        return _forbidden(ask, facts)
    if ask.resource == "pods/exec" and (failure := _node_trouble(ask, facts)):
        return failure
    # Of an exec the kubelet's own words may come through, which are no `Status`.
    if status == 404 and not told.reason and ask.resource != "pods/exec":
        return _not_kubernetes(ask, server, facts)
    if status in (404, 410):
        return ApiTargetError(f"there is no {ask.subject} {ask.where}: {answer}", **facts)
    if status == 407:
        return ApiAccessError(
            f"the proxy before {server} wants a user and a password (407): {answer}", _PROXY_PASSWORD, **facts
        )
    if status == 409:
        return ApiError(f"{ask.words} met another change: {answer}", "try again", **facts)
    if status in (400, 422):
        return ApiError(f"the API server refuses to {ask.words}: {answer}", **facts)
    if status == 429:
        wait = headers.get("Retry-After")
        after = f" (it asks to wait {wait} s)" if wait else ""
        return ApiError(
            f"the API server is throttling requests{after}: {answer}",
            "wait and try again, look at fewer Pods at once, or allow more time with --request-timeout",
            **facts,
        )
    return ApiError(
        f"the API server failed to {ask.words} (HTTP {status}): {answer}",
        "try again; if it stays, look at the API server itself: kubectl get --raw '/readyz?verbose'",
        **facts,
    )


def _not_kubernetes(ask: Ask, server: str, facts: dict[str, Any]) -> ApiError:
    """A 404 that is no `Status`: of core resources every API server has one; other groups it may not serve."""
    if ask.group:
        return ApiError(
            f"the API server {server} does not serve {ask.group}/{ask.version}: {facts['answer']}",
            "a newer Kubernetes may",
            **facts,
        )
    return ApiTargetError(
        f"{server} is not a Kubernetes API server: it answers {ask.path} with 404: {facts['answer']}",
        "check server: in the kubeconfig: kubectl config view --minify",
        **facts,
    )


def _node_trouble(ask: Ask, facts: dict[str, Any]) -> ApiError | None:
    """An exec that ended between the API server and the Pod's node."""
    answer = facts["answer"]
    gone = _NOT_FOUND.search(answer)
    # Of a node that is gone, the API server says that there is no Pod of the node's name.
    if gone and gone[1] != ask.name:
        return ApiTargetError(
            f"node {gone[1]} of Pod {ask.name} is gone", "the Pod will be deleted; look at another", **facts
        )
    if "dialing backend" in answer:
        return ApiError(
            f"the API server does not reach the kubelet on the node of Pod {ask.name}: {answer}",
            "is the node well? kubectl get nodes; if it is, what is between it and the API server?",
            **facts,
        )
    return None


def _forbidden(ask: Ask, facts: dict[str, Any]) -> ApiError:
    answer = facts["answer"]
    # RBAC's own refusal names the missing verb; anything else that answers 403 is an admission controller.
    if denied := _DENIED.search(answer):
        if denied[1] == "impersonate":
            return ApiAccessError(
                f"you may not impersonate anybody: {answer}", "leave out --as and --as-group", **facts
            )
        # An exec is authorized by two verbs, one after the other: name the one that is missing.
        return ApiAccessError(f"you may not {ask.to(denied[1]).permission}: {answer}", GRANT, **facts)
    return ApiAccessError(
        f"the cluster's admission refuses to {ask.words}: {answer}",
        "`podprobe doctor TARGET` tries each profile; else ask who runs the policy for an exception",
        **facts,
    )


def unreachable(server: str, error: BaseException, timeout: float, proxy: Proxy | None = None) -> ApiError:
    """The error for a request that got no answer at all."""
    cause = _root(error)
    name = type(error).__name__
    said = getattr(cause, "strerror", None) or str(cause) or name
    if isinstance(cause, ssl.SSLCertVerificationError):
        who = f"{server} or of the proxy {proxy.url}" if proxy and proxy.scheme == "https" else server
        return ApiError(
            f"the certificate of the API server {who} is not trusted: {cause.verify_message}",
            "check certificate-authority and tls-server-name of this kubeconfig context",
        )
    if isinstance(cause, ssl.SSLError):
        return ApiError(
            f"no TLS with the API server {server}: {cause.reason or cause}", "check the server's address"
        )
    if isinstance(cause, TimeoutError) or "Timeout" in name:
        through = f" through the proxy {proxy.url}" if proxy else ""
        return ApiError(
            f"the API server {server} did not answer within {timeout:g} s{through}",
            "check the network to it (VPN, proxy, firewall), or allow more time with --request-timeout",
        )
    if proxy:
        return _proxy_trouble(server, proxy, cause, said)
    if isinstance(cause, socket.gaierror):
        return ApiError(
            f"the name of the API server {server} does not resolve: {cause.strerror}",
            "check the server's address in the kubeconfig, your DNS, and whether a VPN is needed",
        )
    if isinstance(cause, ConnectionRefusedError):
        return ApiError(
            f"the API server {server} refuses connections",
            "is the cluster up, and is this the right kubeconfig context? see: kubectl config get-contexts",
        )
    return ApiError(f"the connection to the API server {server} broke: {said}", "try again")


def _proxy_trouble(server: str, proxy: Proxy, cause: BaseException, said: str) -> ApiError:
    where = "proxy-url of the kubeconfig, else HTTPS_PROXY; NO_PROXY names what is reached without"
    if tunnel := _TUNNEL.search(said):
        if tunnel[1] == "407":
            wrong = "does not take this user and password" if proxy.user else "wants a user and a password"
            return ApiAccessError(f"the proxy {proxy.url} {wrong} (407)", _PROXY_PASSWORD)
        return ApiError(
            f"the proxy {proxy.url} does not connect to the API server {server}: {tunnel[1]} {tunnel[2]}".rstrip(),
            f"may the proxy reach it? ({where})",
        )
    if isinstance(cause, socket.gaierror | ConnectionRefusedError):
        # Only the proxy is spoken to directly.
        return ApiError(
            f"the proxy {proxy.url} on the way to the API server {server} cannot be reached: {said}",
            f"check its address: {where}",
        )
    return ApiError(
        f"the connection to the API server {server} through the proxy {proxy.url} broke: {said}",
        f"try again; is it the right proxy? ({where})",
    )


def _root(error: BaseException) -> BaseException:
    """The operating system's error at the bottom of what the HTTP library wrapped around it."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        parts = (*getattr(error, "args", ()), getattr(error, "reason", None))
        inner = next((part for part in parts if isinstance(part, BaseException)), None)
        inner = inner or error.__cause__ or error.__context__
        if inner is None:
            break
        error = inner
    return error
