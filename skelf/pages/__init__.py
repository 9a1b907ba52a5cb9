"""What draws: HTML pages, SVG, figures, timelines, the player."""
