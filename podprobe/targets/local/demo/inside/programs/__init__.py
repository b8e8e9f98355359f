"""The programs of the demo Pod's containers: each has `run(active, ready)`, and never returns from it.

`active` are the names of the faults; `ready` is called once the program's channels are there.
"""
