"""System V and POSIX IPC: what leaks, fills and blocks."""

from podprobe.findings.ipc import limits, memory, queues, semaphores

__all__ = ["limits", "memory", "queues", "semaphores"]
