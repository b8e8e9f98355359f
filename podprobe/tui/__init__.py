"""The live view. The only package that imports textual."""
