"""What the commands are made of: flags, exit codes, signals, and the job behind the flags."""
