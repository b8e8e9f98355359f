"""Where the client's bootstrap hands over: standard streams are connected, this package is importable."""

from __future__ import annotations

import json

from podprobe_agent import psutil_loader, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podprobe_agent.loader import Delivery


def start(extension: str | None, arguments: bytes, delivery: Delivery | None = None) -> None:
    """Load psutil's extension, if one was sent, and serve.

    Args:
        extension: its path, or `None`.
        delivery: of modules that are still being compiled.
        arguments: JSON: the version of psutil that was sent (`psutil`), or why none was (`psutil_error`).
    """
    settings = json.loads(arguments)
    error = psutil_loader.load(extension) if extension else settings.get("psutil_error", "it was not sent")
    serve.main(None if error else settings.get("psutil"), error, delivery)
