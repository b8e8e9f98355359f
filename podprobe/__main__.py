"""`python -m podprobe`."""

from podprobe.cli import main

main()
