"""What people note about recordings in files of its own: labels, subjects, segments."""
