"""What a study computes: its jobs, the processes that do them, and what these share."""
