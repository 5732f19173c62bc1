"""What the notebooks show: pictures that are redrawn in place, and controls to move."""
