"""The regions of the screen. A widget paints lines; what is in the lines is decided by pure functions elsewhere."""
