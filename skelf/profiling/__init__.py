"""`skelf profile`: parameters, FLOPs, memory and time of a method."""
