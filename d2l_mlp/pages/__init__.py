"""Runs as a web page of one file: what is shown of them, its pictures, its template."""
