"""Command lines without the secrets that are in them: what leaves the Pod has been through here.

Three kinds of evidence: the name beside a value (`--password=…`, `DB_TOKEN=…`, a URL's user part, `mysql -p…`),
the value's own form (a JWT, an access key id, a private key), the user's expressions. When in doubt a value
goes: a command line that says too little costs a look into the manifest, one that says too much cannot be taken
back. Every step takes time linear in the text, for the text is the Pod's own.
"""

from podprobe_agent.redact.command import Redactor
from podprobe_agent.redact.text import REDACTED

__all__ = ["REDACTED", "Redactor"]
