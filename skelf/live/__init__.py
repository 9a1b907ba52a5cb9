"""Live: frames of moving people in, what a model sees in them out, as it happens."""
