"""Runs as a web page of one file: measurements, pictures, template."""
