"""Labels of recordings, the actions that change them, and the journal that keeps every action."""
