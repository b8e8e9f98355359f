"""Area `open_files`: open files that matter beyond their process: deleted ones, /dev/shm, POSIX queues."""

from podprobe_agent.collectors._descriptors import files as collect

__all__ = ["collect"]
