"""Writers: a ClipSet as the files that other programs read."""
