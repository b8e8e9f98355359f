"""Benchmarks: podprobe beside a peer, in the same run on the same machine. `make bench`, `make bench BENCH=p4`."""
