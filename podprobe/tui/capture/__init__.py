"""Packets in the live view: what is captured, the flows it shows, and the screen they are shown on."""
