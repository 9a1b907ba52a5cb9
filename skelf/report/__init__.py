"""`skelf report`: runs and results on one page."""
