"""Pods as manifests declare them, with the lines that say so."""

from podprobe.targets.manifest.places import place
from podprobe.targets.manifest.read import Manifest, PodTemplate, read

__all__ = ["Manifest", "PodTemplate", "place", "read"]
