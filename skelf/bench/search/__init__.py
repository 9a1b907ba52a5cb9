"""`skelf bench --sampler`: an equal search for the settings of every row, on training subjects."""
