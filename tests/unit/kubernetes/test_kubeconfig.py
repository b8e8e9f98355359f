"""The kubeconfig as kubectl reads it."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from podprobe.errors import AccessError, TargetError
from podprobe.targets.kubernetes.kubeconfig import connect
from podprobe.targets.kubernetes.proxy import Proxy


def _config(**more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "a",
        "clusters": [
            {"name": "one", "cluster": {"server": "http://one.example:8080"}},
            {"name": "two", "cluster": {"server": "https://two.example", "tls-server-name": "inner", "proxy-url": "http://proxy.example:3128"}},
        ],
        "users": [{"name": "jane", "user": {"token": "secret"}}, {"name": "nobody", "user": {}}],
        "contexts": [
            {"name": "a", "context": {"cluster": "one", "user": "jane", "namespace": "shop"}},
            {"name": "b", "context": {"cluster": "two", "user": "nobody"}},
        ],
        **more,
    }  # fmt: skip


def _write(path: Path, config: Any) -> str:
    path.write_text(json.dumps(config))
    return str(path)


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "KUBECONFIG",
        "KUBERNETES_SERVICE_HOST",
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_the_current_context(tmp_path: Path) -> None:
    made = connect(kubeconfig=_write(tmp_path / "c", _config()))
    assert (made.server, made.context, made.namespace) == ("http://one.example:8080", "a", "shop")
    assert made.headers() == [("Authorization", "Bearer secret")]


def test_another_context_with_its_proxy_and_server_name(tmp_path: Path) -> None:
    made = connect(kubeconfig=_write(tmp_path / "c", _config()), context="b")
    assert made.namespace == "default"
    assert made.proxy == Proxy("http", "proxy.example", 3128)
    assert made.server_name == "inner"
    assert made.headers() == []


def test_impersonation_by_flag_and_by_file(tmp_path: Path) -> None:
    path = _write(tmp_path / "c", _config())
    made = connect(kubeconfig=path, as_user="joe", as_groups=("x", "y"))
    assert made.impersonation == (
        ("Impersonate-User", "joe"),
        ("Impersonate-Group", "x"),
        ("Impersonate-Group", "y"),
    )
    users = [{"name": "jane", "user": {"token": "t", "as": "robot", "as-groups": ["z"]}}]
    made = connect(kubeconfig=_write(tmp_path / "d", _config(users=users)))
    assert made.impersonation == (("Impersonate-User", "robot"), ("Impersonate-Group", "z"))
    with pytest.raises(TargetError, match="needs --as"):
        connect(kubeconfig=path, as_groups=("x",))


def test_a_list_of_files_is_merged_first_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _config()
    second = _config(**{"current-context": "b", "users": [{"name": "jane", "user": {"token": "other"}}]})
    second["contexts"].append(
        {"name": "c", "context": {"cluster": "one", "user": "jane", "namespace": "late"}}
    )
    paths = [_write(tmp_path / "1", first), str(tmp_path / "absent"), _write(tmp_path / "2", second)]
    monkeypatch.setenv("KUBECONFIG", ":".join(paths))
    made = connect()
    assert made.context == "a"
    assert made.headers() == [("Authorization", "Bearer secret")]
    assert connect(context="c").namespace == "late"


def _plugin(tmp_path: Path, script: str) -> dict[str, Any]:
    program = tmp_path / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    kind = "client.authentication.k8s.io/v1"
    user = {
        "exec": {
            "apiVersion": kind,
            "command": str(program),
            "interactiveMode": "Never",
            "installHint": "log in first",
        }
    }
    return _config(users=[{"name": "jane", "user": user}])


def test_a_credential_plugin(tmp_path: Path) -> None:
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "fresh"},
    }
    config = _plugin(tmp_path, f"echo '{json.dumps(answer)}'")
    assert connect(kubeconfig=_write(tmp_path / "c", config)).headers() == [("Authorization", "Bearer fresh")]


@pytest.mark.parametrize("script", ["echo you are not logged in >&2; exit 1", "echo rubbish", "exit 0"])
def test_a_credential_plugin_that_fails_says_so(
    tmp_path: Path, script: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path / "c", _plugin(tmp_path, script))
    with pytest.raises(AccessError, match="credential plugin") as raised:
        connect(kubeconfig=path)
    assert "log in first" in raised.value.hint
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "context", "words"),
    [
        (_config(), "zzz", "no context 'zzz'"),
        (_config(**{"current-context": ""}), None, "no current context"),
        (_config(clusters=[]), None, "cannot be used"),
        ("just text", None, "kubeconfig"),
        (_config(users=["jane"]), None, "kubeconfig"),
        (None, None, "kubeconfig"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, content: Any, context: str | None, words: str) -> None:
    with pytest.raises(TargetError, match=words):
        connect(kubeconfig=_write(tmp_path / "c", content), context=context)


def test_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("a: [")
    with pytest.raises(TargetError, match="not YAML"):
        connect(kubeconfig=str(tmp_path / "c"))


def test_no_file_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TargetError, match="no kubeconfig") as raised:
        connect()
    assert "podprobe demo" in raised.value.hint
    with pytest.raises(TargetError, match="there is no kubeconfig"):
        connect(kubeconfig=str(tmp_path / "nothing"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "gone"))
    with pytest.raises(TargetError, match="gone does not exist"):
        connect()


def test_a_token_that_was_refused_is_read_anew(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    config = _config(users=[{"name": "jane", "user": {"tokenFile": "token"}}])
    made = connect(kubeconfig=_write(tmp_path / "c", config))
    assert made.headers() == [("Authorization", "Bearer first")]
    assert not made.renew()
    (tmp_path / "token").write_text("second")
    assert made.renew()
    assert made.headers() == [("Authorization", "Bearer second")]


def test_a_refused_plugin_runs_again(tmp_path: Path) -> None:
    counter = tmp_path / "count"
    script = f"""
    echo x >> {counter}
    kind='"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"'
    printf '{{%s, "status": {{"token": "t%d"}}}}' "$kind" $(wc -l < {counter})"""
    made = connect(kubeconfig=_write(tmp_path / "c", _plugin(tmp_path, script)))
    assert made.headers() == [("Authorization", "Bearer t1")]
    assert made.renew()
    assert made.headers() == [("Authorization", "Bearer t2")]


def test_a_token_file_ends_with_a_line_break_as_files_do(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    config = _config(users=[{"name": "jane", "user": {"tokenFile": "token", "token": "stale"}}])
    assert connect(kubeconfig=_write(tmp_path / "c", config)).headers() == [("Authorization", "Bearer abc")]


@pytest.mark.parametrize(
    ("user", "cluster", "words"),
    [
        ({"tokenFile": "nowhere"}, {}, "token file .*nowhere: No such file"),
        ({}, {"certificate-authority-data": "!!!x"}, "certificate-authority-data .* is not base64"),
        ({}, {"certificate-authority-data": "abc"}, "certificate-authority-data .* is not base64"),
        ({}, {"certificate-authority": "nowhere"}, "nowhere, certificate-authority .*: No such file"),
        ({"client-certificate": "nowhere"}, {}, "nowhere, client-certificate .*: No such file"),
        ({"as": "a\nb"}, {}, "control character"),
        ({}, {"server": ""}, "names no server"),
        ({}, {"proxy-url": "ftp://x"}, "proxy-url of the kubeconfig"),
    ],
)
def test_credentials_that_cannot_be_used(
    tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any], words: str
) -> None:
    config = _config(
        users=[{"name": "jane", "user": user}],
        clusters=[{"name": "one", "cluster": {"server": "https://one.example", **cluster}}],
    )
    with pytest.raises(TargetError, match=words):
        connect(kubeconfig=_write(tmp_path / "c", config))


def test_impersonation_in_full(tmp_path: Path) -> None:
    user = {
        "token": "t", "as": "jane", "as-uid": "42", "as-groups": ["g"],
        "as-user-extra": {"team": ["x", "y"], "a.b/c": ["z"]},
    }  # fmt: skip
    made = connect(kubeconfig=_write(tmp_path / "c", _config(users=[{"name": "jane", "user": user}])))
    assert made.impersonation == (
        ("Impersonate-User", "jane"),
        ("Impersonate-Uid", "42"),
        ("Impersonate-Group", "g"),
        ("Impersonate-Extra-team", "x"),
        ("Impersonate-Extra-team", "y"),
        ("Impersonate-Extra-a.b%2Fc", "z"),
    )


def test_an_empty_file_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").touch()
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/empty:{_write(tmp_path / 'good', _config())}")
    assert connect().context == "a"
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/empty")
    with pytest.raises(TargetError, match="is empty"):
        connect()


@pytest.mark.parametrize("said", [None, "", "/no/such/file"])
def test_inside_a_cluster_without_a_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None
) -> None:
    from kubernetes.config import incluster_config

    (tmp_path / "token").write_text("abc")
    (tmp_path / "ca.crt").write_text("PEM")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    if said is not None:
        monkeypatch.setenv("KUBECONFIG", said)
    made = connect()
    assert (made.server, made.context) == ("https://10.0.0.1:443", None)
    assert made.headers() == [("Authorization", "bearer abc")]
    with pytest.raises(TargetError, match="no context 'prod'"):
        connect(context="prod")
    (tmp_path / "token").unlink()
    with pytest.raises(AccessError, match="service account"):
        connect()
