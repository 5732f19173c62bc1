import numpy
import pytest
from mxnet import np
from test_pieces import random_net

from d2l_mlp.layers import relu_net
from d2l_mlp.pieces import linear_pieces
from d2l_mlp.regions import linear_regions


def area(vertices):
    x, y = vertices.T
    return abs(x @ numpy.roll(y, -1) - y @ numpy.roll(x, -1)) / 2
