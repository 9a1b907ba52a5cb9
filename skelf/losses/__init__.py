"""Loss functions: each equation one pure function of tensors."""
