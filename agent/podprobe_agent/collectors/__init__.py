"""One module per thing collected. A collector never fails the look: it returns what it saw, and why no more."""
