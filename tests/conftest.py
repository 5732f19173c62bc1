import d2l_mlp  # noqa: F401  (before mxnet, which it makes importable)
