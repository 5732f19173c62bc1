"""Make retired MXNet and d2l run on today's Python, NumPy and IPython."""
