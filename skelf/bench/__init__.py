"""`skelf bench`: methods x data x protocols x seeds from one suite."""
