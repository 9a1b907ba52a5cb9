"""Metrics: pure functions of scores and labels."""
