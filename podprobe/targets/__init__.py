"""How to reach a Pod: on a cluster, in this machine's namespaces, or in a file."""
