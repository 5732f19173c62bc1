"""A run on disk: its configuration, its checkpoints, and reading it back."""
