"""Credential plugins: told when they fail, bounded, run no more often than needed, their certificates renewed."""

from __future__ import annotations

import datetime as dt
import json
import os
import pty
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from podprobe.errors import AccessError
from podprobe.targets.kubernetes import plugin
from podprobe.targets.kubernetes.kubeconfig import connect

KIND = "client.authentication.k8s.io/v1"


def _config(tmp_path: Path, script: str, cluster: dict[str, Any] | None = None, **settings: Any) -> str:
    program = tmp_path / "plugin"
    program.write_text(f"#!/bin/sh\necho x >> {tmp_path}/runs\n{script}\n")
    program.chmod(0o755)
    path = tmp_path / "config"
    server = {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": True}
    path.write_text(json.dumps({
        "current-context": "c",
        "clusters": [{"name": "k", "cluster": {**server, **(cluster or {})}}],
        "users": [{"name": "u", "user": {"exec": {"apiVersion": KIND, "command": "./plugin", **settings}}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    }))  # fmt: skip
    return str(path)


def _gives(seconds: float | None = None, **status: Any) -> str:
    if seconds is not None:
        at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
        status["expirationTimestamp"] = at.isoformat().replace("+00:00", "Z")
    return f"printf %s '{json.dumps({'apiVersion': KIND, 'kind': 'ExecCredential', 'status': status})}'"


def _runs(tmp_path: Path) -> int:
    return (tmp_path / "runs").read_text().count("x")


def test_one_that_lives_for_two_minutes_is_asked_once(tmp_path: Path) -> None:
    made = connect(kubeconfig=_config(tmp_path, _gives(120, token="t\n")))
    for _ in range(3):
        assert made.headers() == [("Authorization", "Bearer t")]
    assert _runs(tmp_path) == 1


def test_one_that_has_expired_is_asked_again(tmp_path: Path) -> None:
    path = _config(tmp_path, _gives(0.6, token="old"))
    made = connect(kubeconfig=path)
    _config(tmp_path, _gives(60, token="new"))
    assert made.headers() == [("Authorization", "Bearer old")]
    time.sleep(0.7)
    assert made.headers() == [("Authorization", "Bearer new")]
    assert _runs(tmp_path) == 2


def test_who_is_refused_together_runs_it_once(tmp_path: Path) -> None:
    made = connect(kubeconfig=_config(tmp_path, f"sleep 0.2; {_gives(token='t')}"))
    asked = time.monotonic()
    threads = [threading.Thread(target=made.renew, args=(asked,)) for _ in range(5)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert _runs(tmp_path) == 2


def test_one_that_hangs_is_ended_with_all_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(AccessError, match=r"did not end within .*: logging in"):
        connect(
            kubeconfig=_config(tmp_path, f"sleep 300 & echo $! > {tmp_path}/child; echo logging in >&2; wait")
        )
    assert time.monotonic() - began < 5
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while _lives(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_it_is_told(tmp_path: Path) -> None:
    script = (
        f'echo "$KUBERNETES_EXEC_INFO" > {tmp_path}/info; echo $MORE > {tmp_path}/more; {_gives(token="t")}'
    )
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}
    path = _config(
        tmp_path, script, {"extensions": [extension]}, provideClusterInfo=True, interactiveMode="IfAvailable",
        env=[{"name": "MORE", "value": "said"}],
    )  # fmt: skip
    connect(kubeconfig=path)
    spec = json.loads((tmp_path / "info").read_text())["spec"]
    assert spec["interactive"] is False
    assert spec["cluster"]["server"] == "https://127.0.0.1:1"
    assert spec["cluster"]["config"] == {"audience": "a"}
    assert (tmp_path / "more").read_text() == "said\n"


@pytest.mark.parametrize(
    ("script", "settings", "words"),
    [
        ("exit 0", {"command": "no-such-plugin", "installHint": "brew install it"}, "No such file"),
        ("exit 0", {"interactiveMode": "Always"}, "terminal"),
        ("echo '{}'", {}, "no ExecCredential"),
        (_gives(), {}, "neither a token nor"),
        (_gives(token="t").replace("/v1", "/v1beta1"), {}, "v1beta1"),
    ],
)
def test_what_can_be_wrong_with_it(tmp_path: Path, script: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(AccessError, match=words) as raised:
        connect(kubeconfig=_config(tmp_path, script, **settings))
    assert settings.get("installHint", "") in raised.value.hint


def test_a_new_client_certificate_is_shown(tmp_path: Path) -> None:
    def certificate(name: str) -> dict[str, str]:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
             "2", "-subj", f"/CN={name}", "-keyout", tmp_path / "k", "-out", tmp_path / "c"],
            check=True, capture_output=True,
        )  # fmt: skip
        pair = {
            "clientCertificateData": (tmp_path / "c").read_text(),
            "clientKeyData": (tmp_path / "k").read_text(),
        }
        (tmp_path / "answer").write_text(_gives(**pair).removeprefix("printf %s '").removesuffix("'"))
        return pair

    certificate("first")
    made = connect(kubeconfig=_config(tmp_path, f"cat {tmp_path}/answer"))
    assert made.headers() == []
    before = made.tls.requests, made.tls.streams
    assert made.tls.requests is before[0]
    certificate("second")
    assert made.renew()
    assert made.tls.requests is not before[0]
    assert made.tls.streams is not before[1]


@pytest.mark.parametrize("fails", [True, False])
def test_at_a_terminal_it_may_ask_and_what_it_says_is_seen(tmp_path: Path, fails: bool) -> None:
    end = (
        "echo session expired >&2; exit 255" if fails else f'{_gives(token="TOKEN")} | sed "s/TOKEN/$answer/"'
    )
    path = _config(tmp_path, f"printf 'password: ' >&2; read answer; {end}", interactiveMode="IfAvailable")
    code = (
        "import sys\nfrom podprobe.errors import AccessError\n"
        "from podprobe.targets.kubernetes.kubeconfig import connect\n"
        "try: print('GOT', connect(kubeconfig=sys.argv[1]).headers())\n"
        "except AccessError as error: print('ERROR', error.message)\n"
    )
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    os.close(slave)
    seen = b""
    try:
        while b"password: " not in seen:
            seen += os.read(master, 1000)
        os.write(master, b"hunter2\n")
        while True:
            try:
                part = os.read(master, 1000)
            except OSError:  # nobody has the terminal open any more
                break
            if not part:
                break
            seen += part
    finally:
        child.wait()
        os.close(master)
    text = seen.decode()
    if fails:
        assert "session expired" in text
        assert "exit status 255" in text
        assert "NoneType" not in text
    else:
        assert "'Bearer hunter2'" in text
