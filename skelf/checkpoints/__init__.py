"""What lies on disk of a model: the folder in the hub layout, its tensors, its card."""
