"""What runs inside the demo Pod's namespaces: standard library only, started as `python -I -S inside WHAT`.

The folder is run by path, so its modules know each other by relative imports alone, and nothing of podprobe.
"""
