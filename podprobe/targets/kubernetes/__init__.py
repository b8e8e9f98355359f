"""Pods on a Kubernetes cluster, reached through ephemeral containers. The only package that imports kubernetes."""
