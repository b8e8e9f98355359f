"""The client's side of the agents: what is sent to start one, the stream to it, and what it answers."""
