"""How many labels the studio's order saves, by a labeller that knows the truth; see `__main__`."""
