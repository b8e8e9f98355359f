"""Ports: every socket that waits, whose it is, and how that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.model import Listener
from podprobe.report import units
from podprobe.report.sections.network import host_ports
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, bar, role_of_share, said
from podprobe.tui.views.table import Column, Section, container_column, number_column, text_column

if TYPE_CHECKING:
    from podprobe.model import Owner, UnixSocket
    from podprobe.tui.state import State

_EVIDENCE = {
    "fd": "open descriptor",
    "cgroup": "socket's cgroup",
    "uid": "user id",
    "listener": "its listener",
    "elimination": "elimination",
    "declared": "declared port",
    "none": "not known",
}


def sections(state: State) -> list[Section]:
    """TCP, UDP, raw and unix listeners."""
    network = state.snapshot.network
    listeners = [one for one in network.listeners if state.shows(one.container, one.declared_by)]
    tcp = [one for one in listeners if one.protocol == "tcp"]
    udp = [one for one in listeners if one.protocol == "udp"]
    other = [one for one in listeners if one.protocol not in {"tcp", "udp"}]
    unix = [one for one in network.unix if one.state == "listen" and state.shows(one.container)]
    hosts = _host_columns(host_ports(state.snapshot))
    found = [
        _listeners("TCP", tcp, "no TCP listener", (*_backlog_columns(), *hosts)),
        _unix(unix),
        _listeners("UDP", udp, "no UDP socket", (*_drop_columns(), *hosts)),
    ]
    if other:
        found.append(_listeners("Raw and packet sockets", other, "", ()))
    return found


def owner_line(owner: Owner) -> Line:
    """The process behind a socket and how it is known."""
    how = Span(_EVIDENCE[owner.by], "dim")
    if owner.process is None:
        return (how,)
    return said(owner.process.name), Span(f" {owner.process.pid}  ", "dim"), how


def backlog_share(listener: Listener | UnixSocket) -> float | None:
    """How full the accept queue is."""
    waiting, limit = _queue(listener)
    return None if waiting is None or not limit else waiting / limit


def _queue(one: Listener | UnixSocket) -> tuple[int | None, int | None]:
    return (one.backlog, one.backlog_limit) if isinstance(one, Listener) else (one.queue, one.queue_limit)


def _listeners(title: str, items: list[Listener], empty: str, more: tuple[Column, ...]) -> Section:
    columns = (
        Column("address", _address, lambda one: (one.port, one.address), least=12, most=30),
        container_column("container", lambda one: one.container),
        Column(
            "owner", lambda one: owner_line(one.owner), lambda one: one.owner.by, least=10, most=36, rank=2
        ),
        *more,
        Column("declared", _declared, lambda one: one.declared_by or "", least=8, most=18, rank=1),
        number_column("uid", lambda one: one.uid, str, rank=3),
    )
    return Section(
        title,
        columns,
        items,
        keys.of_listener,
        lambda one: (
            f"{one.protocol} {one.address}:{one.port} {one.container} {one.owner.by} {one.declared_by} "
            f"{one.owner.process.name if one.owner.process else ''}"
        ),
        empty=empty,
        sorted_by="address",
    )


def _address(one: Listener) -> Line:
    host = f"[{one.address}]" if ":" in one.address else one.address
    everywhere = one.address in {"0.0.0.0", "::"}  # noqa: S104  # compared, not bound
    return said(host, "" if everywhere else "dim"), Span(f":{one.port}", "strong")


def _declared(one: Listener) -> Line:
    if one.declared_by is None:
        return (Span("no", "dim"),)
    if one.declared_by == one.container:
        return (Span("yes"),)
    return Span("▲ by ", "warning"), said(one.declared_by, "warning")


def _host_columns(ports: dict[tuple[str, int], int]) -> tuple[Column, ...]:
    """The node's ports, where the Pod has any (`hostPort`)."""
    if not ports:
        return ()
    return (
        number_column("node port", lambda one: ports.get((one.protocol, one.port)), str, least=9, rank=1),
    )


def _backlog_columns() -> tuple[Column, ...]:
    return (Column("accept queue", _backlog, backlog_share, least=12, most=22, rank=1, descending=True),)


def _backlog(one: Listener | UnixSocket) -> Line:
    waiting, limit = _queue(one)
    share = backlog_share(one)
    if waiting is None:
        return (Span(units.ABSENT, "dim"),)
    role = role_of_share(share) or ("dim" if not waiting else "")
    of = "" if limit is None else f"/{limit}"
    return (*bar(share, 6), Span(f" {waiting}{of}", role))


def _drop_columns() -> tuple[Column, ...]:
    return (
        number_column(
            "dropped", lambda one: one.drops, role=lambda one: "warning" if one.drops else "dim", rank=1
        ),
    )


def _unix(items: list[UnixSocket]) -> Section:
    columns = (
        text_column("path", lambda one: one.path, least=12, most=44),
        container_column("container", lambda one: one.container),
        Column(
            "owner", lambda one: owner_line(one.owner), lambda one: one.owner.by, least=10, most=36, rank=2
        ),
        Column("accept queue", _backlog, backlog_share, least=12, most=22, rank=1, descending=True),
        text_column("kind", lambda one: one.kind, rank=3, role="dim"),
    )
    return Section(
        "Unix",
        columns,
        items,
        keys.of_unix,
        lambda one: (
            f"unix {one.path} {one.container} {one.kind} {one.owner.process.name if one.owner.process else ''}"
        ),
        empty="no unix listener",
        sorted_by="path",
    )
