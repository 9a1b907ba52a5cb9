"""The panels of the page, one a file: each draws its part, and says how to draw it anew."""
