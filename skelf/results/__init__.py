"""What protocols leave behind: scores, their fusion, published numbers."""
