"""Pods as manifests declare them, with the lines that say so."""

from podprobe.targets.manifest.places import place
from podprobe.targets.manifest.pods import PodTemplate, templates
from podprobe.targets.manifest.problems import Problem
from podprobe.targets.manifest.read import Manifest, read

__all__ = ["Manifest", "PodTemplate", "Problem", "place", "read", "templates"]
