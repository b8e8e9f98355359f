"""What an agent refuses."""

from __future__ import annotations


class RefusedError(Exception):
    """A request cannot be answered; the text says why, for a person to read."""
