"""The live view on a real Pod, while what it looks through goes away and comes back: it stays up, says so, recovers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from podprobe.opening import open_looker
from podprobe.tui.app import PodprobeApp
from podprobe.tui.screens.main import PodScreen
from podprobe.tui.sources import LiveSource
from podprobe.tui.widgets.sheet import Sheet
from tests.e2e import pods

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.e2e.conftest import Kube

    Scenario = Callable[["View"], Awaitable[None]]

pytestmark = pytest.mark.timeout(300)

KILL_AGENT = """
import os, signal
for pid in filter(str.isdecimal, os.listdir("/proc")):
    words = open(f"/proc/{pid}/cmdline").read().split("\\0") if int(pid) != os.getpid() else []
    if "podprobe-agent" in words and "python" in words[0]:
        os.kill(int(pid), signal.SIGKILL)
        print("killed", pid)
"""


class View:
    """The live view as a person sees it, line by line."""

    def __init__(self, screen: PodScreen) -> None:
        self.screen = screen

    @property
    def header(self) -> str:
        return self.screen.query_one("#header", Sheet).text

    @property
    def banner(self) -> str:
        sheet = self.screen.query_one("#banner", Sheet)
        return " ".join(sheet.text.split()) if sheet.display else ""

    @property
    def healthy(self) -> bool:
        return "● live" in self.header and "✖" not in self.banner

    async def until(self, what: str, seen: Callable[[], object], seconds: float = 60) -> None:
        for _ in range(int(seconds / 0.1)):
            if seen():
                return
            await asyncio.sleep(0.1)
        raise AssertionError(
            f"not seen in {seconds:.0f} s: {what}; header: {self.header}; banner: {self.banner}"
        )


def watch(kube: Kube, namespace: str, scenario: Scenario) -> None:
    """Show Pod `one`, and play the scenario as soon as it is seen well."""

    async def play() -> None:
        access = kube.access(namespace, request_timeout=5.0)
        source = LiveSource("one", lambda progress: open_looker("pod/one", access, None, progress))
        app = PodprobeApp(source)
        async with app.run_test(size=(120, 36)):
            assert isinstance(app.screen, PodScreen)
            view = View(app.screen)
            await view.until("the Pod", lambda: view.healthy)
            await scenario(view)
            assert app.is_running
            assert isinstance(app.screen, PodScreen)

    asyncio.run(play())


def make(kube: Kube, namespace: str) -> None:
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images), pods.sleeper("b", kube.images)))
    kube.ready(namespace, "one")


def test_a_killed_agent_is_replaced_and_the_looks_go_on(kube: Kube, namespace: str) -> None:
    make(kube, namespace)

    async def scenario(view: View) -> None:
        agents = await asyncio.to_thread(kube.agents, namespace, "one")
        (name,) = (name for name, one in agents.items() if one["targetContainerName"] == "a")
        kill = ("exec", "-n", namespace, "one", "-c", name, "--", "python3", "-c", KILL_AGENT)
        for _ in range(3):
            assert "killed" in await asyncio.to_thread(kube.kubectl, *kill)
            looks = view.screen.history.count
            # Killed between two looks it is back before anybody misses it; killed during one, a banner tells of it.
            await view.until("more looks", lambda looks=looks: view.screen.history.count > looks + 3)
            await view.until("both agents", lambda: view.healthy and "2 agents" in view.header)
            assert "lost" not in view.banner
        assert len(await asyncio.to_thread(kube.agents, namespace, "one")) == 2

    watch(kube, namespace, scenario)


def test_a_restarted_container_is_told_and_looked_into_again(kube: Kube, namespace: str) -> None:
    make(kube, namespace)

    async def scenario(view: View) -> None:
        await asyncio.to_thread(kube.end_container, namespace, "one", "a")
        await view.until("the restart", lambda: "a restarted" in view.banner)
        await view.until("both agents again", lambda: view.healthy and "2 agents" in view.header)

    watch(kube, namespace, scenario)


def test_a_deleted_pod_stays_on_the_screen_as_stale_until_another_takes_its_name(
    kube: Kube, namespace: str
) -> None:
    make(kube, namespace)

    async def scenario(view: View) -> None:
        await asyncio.to_thread(kube.kubectl, "delete", "pod", "one", "-n", namespace)
        await view.until("that it is gone", lambda: "not found" in view.banner or "no Pod" in view.banner)
        await view.until("when it is tried again", lambda: "trying again in" in view.banner)
        assert "stale" in view.header
        assert view.screen.state is not None
        await asyncio.to_thread(make, kube, namespace)
        await view.until("the new Pod", lambda: view.healthy and "another of the same name" in view.banner)

    watch(kube, namespace, scenario)


def test_an_api_server_that_goes_and_comes_back(kube: Kube, namespace: str) -> None:
    cluster = kube.cluster
    if cluster is None:
        pytest.skip("only the tests' own cluster is restarted")
    make(kube, namespace)

    async def scenario(view: View) -> None:
        await asyncio.to_thread(cluster.stop, "apiserver", hard=True)
        try:
            await view.until("that it is away", lambda: "refuses connections" in view.banner)
            await view.until("how old the picture is", lambda: "stale" in view.header)
            assert "trying again" in view.banner
        finally:
            await asyncio.to_thread(cluster.start_api_server)
            await asyncio.to_thread(cluster._await_api_server)
        await view.until("the Pod again", lambda: view.healthy and "2 agents" in view.header, 90)
        assert len(await asyncio.to_thread(kube.agents, namespace, "one")) == 2

    watch(kube, namespace, scenario)


def test_a_kubelet_that_goes_and_comes_back(kube: Kube, namespace: str) -> None:
    cluster = kube.cluster
    if cluster is None:
        pytest.skip("only the tests' own kubelet is restarted")
    make(kube, namespace)

    async def scenario(view: View) -> None:
        await asyncio.to_thread(cluster.stop, "kubelet")
        try:
            await view.until("that it is away", lambda: "stale" in view.header and "✖" in view.banner)
        finally:
            await asyncio.to_thread(cluster.start_kubelet)
        await view.until("the Pod again", lambda: view.healthy and "2 agents" in view.header, 120)
        assert len(await asyncio.to_thread(kube.agents, namespace, "one")) == 2

    watch(kube, namespace, scenario)


def test_packets_are_captured_by_an_agent_that_is_added_for_it(kube: Kube, namespace: str) -> None:
    from podprobe.cli.tui import _open_privileged
    from podprobe.errors import AgentError

    image = kube.images["busybox"]
    bare = {"securityContext": {"capabilities": {"drop": ["ALL"]}}}
    kube.apply(
        pods.pod(
            "one", namespace,
            pods.container("web", image, "httpd", "-f", "-p", "8080", "-h", "/etc", **bare),
            pods.container("caller", image, "sh", "-c",
                           "while :; do wget -qO- http://127.0.0.1:8080/hostname; sleep 0.2; done", **bare),
        )
    )  # fmt: skip
    kube.ready(namespace, "one")
    access = kube.access(namespace)
    source = LiveSource(
        "one",
        lambda progress: open_looker("pod/one", access, None, progress),
        open_privileged=lambda target: _open_privileged(access, target),
    )

    async def play() -> None:
        app = PodprobeApp(source)
        async with app.run_test(size=(120, 36)) as pilot:
            assert isinstance(app.screen, PodScreen)
            view = View(app.screen)
            await view.until("the Pod", lambda: view.healthy)
            with pytest.raises(AgentError, match="NET_RAW"):
                source.capturer()
            await pilot.press("x", "n")
            await view.until("an agent", lambda: "holds NET_RAW" in status(app))
            await pilot.press("x")
            await view.until("flows", lambda: "flows" in status(app) and "0 dropped" in status(app))

    def status(app: PodprobeApp) -> str:
        return app.screen.query_one("#capture-status", Sheet).text

    asyncio.run(play())
