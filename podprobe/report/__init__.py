"""Renderers: a snapshot in, text out."""
