"""Active probes: few, spaced, and the only thing an agent does besides reading."""
