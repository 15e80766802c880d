"""Jobs: what each command does, to be called from Python too."""
