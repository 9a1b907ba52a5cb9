"""`python -m skelf`, which is how torchrun starts it."""

from .cli import main

main()
