"""Augmentations and each method's composition of views: pure batched functions on any device."""
