"""Training: loop, optimiser, state, schedule, log."""
