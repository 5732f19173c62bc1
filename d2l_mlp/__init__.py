"""The "Multilayer Perceptrons" chapter of *Dive into Deep Learning*, running again on MXNet.

Importing this package is cheap and makes ``import mxnet`` and ``from d2l import mxnet as d2l``
work on every supported Python and NumPy (see `d2l_mlp.compat`); each module below holds one idea
and is imported by its own name, for instance ``from d2l_mlp.mlp import build_mlp``.
"""

from d2l_mlp import compat

__version__ = "0.1.0"

compat.install()
