"""Data: the clips on disk, the readers that fill them, the batches that leave them."""
