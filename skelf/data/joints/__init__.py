"""Joints by their names: aliases, origins, mappings between layouts, landmarks of a body."""
