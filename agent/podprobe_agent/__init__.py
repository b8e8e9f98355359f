"""What runs inside the Pod: reads sockets, IPC, volumes and processes, and answers over its standard streams.

Standard library and psutil only, Python 3.9 or newer. It imports nothing of `podprobe`.
"""

__version__ = "0.1.0"
