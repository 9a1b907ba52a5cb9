"""A model that people use: what it needs, recordings brought to it, and what it says of them."""
