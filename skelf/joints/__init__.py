"""What joints are called, and which joint of a body a name means."""
