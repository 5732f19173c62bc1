"""Use the machine's cores, GPUs and memory."""
