"""Recordings made smooth and whole: gaps, outliers and noise, before anything learns from them."""
