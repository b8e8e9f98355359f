"""Captures: pcap in, flow statistics out.

Runs as a process of its own, ``python -m podprobe.packets < FILE``: scapy, which dissects the packets, takes 73 MiB and
is GPL-2.0, so nothing else of podprobe imports it, and a hostile capture has only this process to break.
"""
