"""Processes that begin and end together: started, watched, shown, and ended."""
