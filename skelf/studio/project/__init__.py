"""A project of the studio: recordings from a folder, brought in once, and what is known of them."""
