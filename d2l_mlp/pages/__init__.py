"""Runs as a web page of one file: comparison, pictures, template."""
