"""Labels of a project as files of other programs, and from them."""
