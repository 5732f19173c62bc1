"""What the commands are made of: flags, exit codes, signals, groups of processes."""
