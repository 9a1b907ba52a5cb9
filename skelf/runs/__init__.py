"""Runs: from settings, a name or a folder to a module."""
