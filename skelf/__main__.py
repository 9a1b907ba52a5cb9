"""`python -m skelf`, which is how torchrun starts it."""

from .cli.main import main

main()
