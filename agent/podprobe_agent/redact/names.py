"""Which names have a secret for their value."""

from __future__ import annotations

import re
from functools import lru_cache

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# Words that make a name secret wherever they stand in it: `DB_PASSWORD_MAIN`, `tokenProd`.
_ALWAYS = frozenset(
    "password passwort passwd passphrase passcode pwd secret secrets token tokens jwt credential credentials creds "
    "bearer authorization apikey accesskey secretkey privatekey psk requirepass masterauth userpass proxyauth "
    "connectionstring connstr".split()
)
# Words that make it secret when they end it: `mysql_pass`, `--auth`, but not `pass-through`.
_AT_END = frozenset(
    "pass pw auth cookie sig signature salt otp pin dsn webhook passin passout storepass keypass nonce".split()
)
_ENDINGS = ("password", "passwd", "passphrase", "secret", "token", "apikey", "pass", "pwd")
_NO_ENDINGS = frozenset(("bypass", "compass", "surpass", "trespass"))

# `KIND-key` is a secret; another `key` is one if its value looks like one.
_KEYS = frozenset(
    "access account admin aes api app auth client cookie des encrypt encryption encryptionkey hmac host license "
    "licence master private root rsa sas secret service session shared signing ssh ssl storage stream subscription "
    "tls user webhook".split()
)

# What ends the name of something about a secret, not of the secret.
_ABOUT = frozenset(
    "age alg algorithm arn audience auth authentication class command config count created dir directory disabled "
    "enabled endpoint expiration expires expiry field file filename files format header hours id ids interval issuer "
    "length limit manager max method min minutes mode name names namespace never only path paths policy prefix prompt "
    "provider ref refresh required retries review rotation scope seconds size source store suffix template timeout "
    "ttl type types uri url user username validity version volume".split()
)
_COUNTED = frozenset("max min num total count limit per".split())
_MAYBE_ENCODED = frozenset("value values string text plain raw data hash base b encoded enc".split())


@lru_cache(maxsize=1024)
def kind(name: str) -> str:
    """What the value of `name` is: `secret`, `key` (a secret if it looks like one), or nothing.

    Args:
        name: as in a flag, a variable, a property or a JSON key, without dashes in front.
    """
    parts = [part.lower() for part in _PARTS.findall(name[-200:])]
    if parts[-2:] in (
        ["connection", "string"],
        ["connection", "url"],
        ["connection", "uri"],
        ["conn", "str"],
    ):
        return "secret"
    while parts and (parts[-1].isdigit() or parts[-1] in _MAYBE_ENCODED):
        parts.pop()
    if not parts:
        return ""
    last = parts[-1]
    if last == "key":
        before = parts[-2] if len(parts) > 1 else ""
        return "secret" if before in _KEYS or _has_secret_word(parts[:-1]) else "key"
    if last in _AT_END or (last.endswith(_ENDINGS) and last not in _NO_ENDINGS):
        return "secret"
    if _COUNTED.intersection(parts) and last == "tokens":
        return ""
    if last in _ABOUT:
        return ""
    return "secret" if _has_secret_word(parts) else ""


def _has_secret_word(parts: list[str]) -> bool:
    return any(
        part in _ALWAYS or part.endswith(("password", "passwd", "secret", "passphrase")) for part in parts
    ) or any(two in (("api", "key"), ("access", "key")) for two in zip(parts, parts[1:]))


# Long base64 or hexadecimal.
_LONG = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9+/=_\-]{16,}\Z")
_KEY_FILE = re.compile(r"[./~][\w./~\-]*\.(?:pem|key|crt|cer|der|p12|pfx|jks|json|txt|pub)\Z")


def is_secret(name: str, value: str) -> bool:
    """The value beside this name has to go."""
    what = kind(name)
    if not what:
        return False
    value = value.strip("\"'\\")
    if name.lower().endswith("key") and _KEY_FILE.match(value):
        return False  # the path of a key is no key
    return what == "secret" or bool(_LONG.match(value))
