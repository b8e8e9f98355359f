"""Pods in this machine's own namespaces."""
