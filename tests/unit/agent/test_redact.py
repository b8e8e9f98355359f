"""No secret in a position that is known for secrets gets through; what is no secret stays."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from podprobe_agent.redact import REDACTED, Redactor

# Long enough not to be part of the words around it; no `[`, so that it cannot be part of the replacement.
ANYTHING = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0["), min_size=6, max_size=40
)
# As they occur in texts: no white space, no quotes, no delimiters.
PLAIN = st.text(st.sampled_from("abcXYZ0189_.~+%!-*^$#"), min_size=6, max_size=40).filter(
    lambda s: s[0].isalnum()
)
SECRET_NAMES = st.sampled_from(
    "password passwd db-password DB_PASSWORD dbPassword MYSQL_ROOT_PASSWORD secret client_secret clientSecret token "
    "access-token AUTH_TOKEN api-key api_key apiKey APIKEY AWS_SECRET_ACCESS_KEY secretKey private_key passphrase "
    "credentials pgpassword requirepass masterauth mysqlpass storepass auth PASSWORD_PROD jwt sasl.jaas.password "
    "spring.datasource.password connectionString encryption-key".split()
)


def hidden(secret: str, arguments: list[str]) -> str:
    assume("\0".join(arguments).count(secret) == 1)  # it does not stand in the words around it as well
    shown = Redactor().command(arguments)
    assert secret not in shown.replace(REDACTED, "\0")
    assert REDACTED in shown
    return shown


@given(SECRET_NAMES, ANYTHING)
def test_the_argument_after_a_secret_flag_is_hidden_whatever_it_holds(name: str, secret: str) -> None:
    assert hidden(secret, ["app", f"--{name}", secret, "serve"]).endswith(f"{REDACTED} serve")


@given(SECRET_NAMES, ANYTHING, st.sampled_from(["--{}=", "-{}=", "{}=", "-Dapp.{}=", "{}:"]))
def test_what_follows_an_assignment_is_hidden_to_the_end_of_the_argument(
    name: str, secret: str, form: str
) -> None:
    hidden(secret, ["app", form.format(name) + secret, "--port", "80"])


@given(
    SECRET_NAMES,
    PLAIN,
    st.sampled_from(
        [
            "{n}={s} ./run --port 80",
            "export {n}='{s}'; ./run",
            './run --{n} "{s}" -v',
            "./run --{n} {s} && echo done",
            "./run --{n}={s}",
            "connect(host='h', {n}='{s}')",
            '{{"user": "u", "{n}": "{s}"}}',
            "user: u, {n}: {s}",
            "curl 'https://h/?a=1&{n}={s}&b=2'",
        ]
    ),
)
def test_named_secrets_in_a_script_are_hidden(name: str, secret: str, form: str) -> None:
    hidden(secret, ["sh", "-c", form.format(n=name, s=secret)])
    hidden(secret, ["python3", form.format(n=name, s=secret)])


@given(SECRET_NAMES, ANYTHING)
def test_secrets_in_json_are_hidden(name: str, secret: str) -> None:
    text = json.dumps({"user": "u", name: secret, "n": 1}, ensure_ascii=False)
    shown = hidden(secret, ["app", "--config", text])
    assert json.dumps(secret, ensure_ascii=False)[1:-1] not in shown
    hidden(secret, ["sh", "-c", "app " + json.dumps(text, ensure_ascii=False)])


@given(
    st.text("abcxyz019._-", max_size=8),
    PLAIN,
    st.sampled_from(["postgres", "https", "redis", "amqp", "mongodb+srv", "s3"]),
)
def test_the_password_in_a_url_is_hidden(user: str, secret: str, scheme: str) -> None:
    shown = hidden(secret, ["app", f"{scheme}://{user}:{secret}@db.example:5432/name"])
    assert shown.endswith("@db.example:5432/name")
    hidden(secret, ["app", f"--dsn-file={scheme}://:{secret}@h"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["mysql", "-pS3cretS3cret", "-h", "db"],
        ["/usr/bin/mysqldump", "-p", "S3cretS3cret"],
        ["sh", "-c", "mysql -u root -pS3cretS3cret -h db"],
        ["sshpass", "-p", "S3cretS3cret", "ssh", "h"],
        ["redis-cli", "-a", "S3cretS3cret", "ping"],
        ["curl", "-u", "user:S3cretS3cret", "http://h"],
        ["curl", "-H", "Authorization: Bearer S3cretS3cret", "http://h"],
        ["curl", "-H", "Authorization: Basic S3cretS3cret=="],
        ["curl", "-H", "X-Auth: bearer S3cretS3cret"],
        ["ldapsearch", "-w", "S3cretS3cret"],
        ["sqlcmd", "-P", "S3cretS3cret"],
        ["rabbitmqctl", "add_user", "u", "S3cretS3cret"],
        ["vault", "login", "S3cretS3cret"],
        ["psql", "-c", "ALTER USER u PASSWORD 'S3cretS3cret'"],
        ["mysql", "-e", "CREATE USER u IDENTIFIED BY 'S3cretS3cret'"],
        ["app", "u:S3cretS3cret@tcp(db:3306)/name"],
        ["app", "postgres://u:S3cret/S3cretS3cret@db/name"],
        ["app", "https://S3cretS3cretS3cret@github.com/x/y"],
        ["app", "--password", "--token", "S3cretS3cret"],
        ["app", "--key=S3cretS3cret0123456789"],
        ["postgres: u --password S3cretS3cret idle"],
        ["app", "Server=db;Password=S3cretS3cret;Database=x"],
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_known_programs_and_forms(arguments: list[str]) -> None:
    assert "S3cretS3cret" not in Redactor().command(arguments)


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi",  # cut short
        "ghp_" + "a1" * 18,
        "glpat-" + "a1" * 10,
        "xoxb-123456789012-abcdef",
        "sk_live_" + "a1" * 10,
        "hvs." + "a1" * 12,
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n",
    ],
)
def test_values_known_by_their_form(secret: str) -> None:
    assert secret.strip() not in Redactor().command(["app", "run", secret])
    assert secret.strip() not in Redactor().command(["sh", "-c", f"app run {secret} --now"])


@pytest.mark.parametrize(
    "command",
    [
        "/usr/sbin/nginx -g daemon off; -c /etc/nginx/nginx.conf",
        "postgres -D /var/lib/postgresql/data -c max_connections=100",
        "java -Xmx512m -cp /app/lib/*:/app/x.jar com.example.Main --server.port=8080",
        "app --password-file=/run/secrets/db --token-ttl 60 --max-tokens 4096 --secret-name web --tls-key /etc/x.pem",
        "curl http://localhost:8080/healthz?verbose=1&mail=a@b.example",
        "docker run registry:5000/app@sha256:0123abcd",
        "python3 -m http.server 9000 --bind 127.0.0.1",
        "redis-server *:6379",
        "app --keyspace main --bypass --compass=north --monkey=business",
        "ssh -p 2222 host",
    ],
)
def test_what_is_no_secret_stays(command: str) -> None:
    assert Redactor().command(command.split(" ")) == command


def test_the_users_expressions_hide_their_groups_or_the_whole() -> None:
    redactor = Redactor(["tenant-([0-9]+)", "hunter."])
    assert redactor.command(["app", "tenant-4711", "hunter2"]) == f"app tenant-{REDACTED} {REDACTED}"


def test_an_expression_that_is_none_is_told_and_the_others_work() -> None:
    redactor = Redactor(["(", "hunter."])
    assert len(redactor.errors) == 1
    assert redactor.command(["hunter2"]) == REDACTED


@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_command_line_is_redacted_without_an_error(arguments: list[str]) -> None:
    Redactor().command(arguments)


@pytest.mark.parametrize(
    "piece",
    ["a=", "\"'", 'password="', "a:", "-", "x.y-", "eyJ", "password ", "://", "http://a:b", "\\", "password='\\'", ":@",
     "-----BEGIN ", "identified by ", 'password=\\"', "bearer ", "password=bearer ", "'a", "key="],
)  # fmt: skip
def test_time_is_linear_in_a_hostile_text(piece: str) -> None:
    # Quadratic time at this size would run into the timeout of the test; the parser has no other bound.
    text = piece * (100_000 // len(piece))
    shown = Redactor().command(["app", text, "sh", "-c", text])
    assert re.match("app", shown)


def test_declared_arguments_stay_apart() -> None:
    command = ("app", "--db-password", "S3cret S3cret", "--port", "80", "sh", "-c", "TOKEN=S3cret exec app")
    shown = ("app", "--db-password", REDACTED, "--port", "80", "sh", "-c", f"TOKEN={REDACTED} exec app")
    assert Redactor().arguments(command) == shown
