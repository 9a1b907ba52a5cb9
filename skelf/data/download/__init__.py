"""Public sets by name: what can be had, from where, under which licence."""
