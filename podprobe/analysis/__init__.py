"""Pure functions over snapshots and answers."""
