"""The process and its machine: device, memory, other processes, what torch keeps for itself."""
