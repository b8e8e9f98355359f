"""podprobe: an X-ray of one Kubernetes Pod."""

from podprobe_agent import __version__

__all__ = ["__version__"]
