"""What stands around the view: header, banner, Pod, findings, keys. Pure functions that draw lines."""
