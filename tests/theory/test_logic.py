import itertools

import numpy
import pytest
from mxnet import np

from d2l_mlp.mlp import build_mlp
from d2l_mlp.theory.logic import GATES, INPUTS, logic_net, separating_layer

TABLES = list(itertools.product([0, 1], repeat=4))
INSEPARABLE = [(0, 1, 1, 0), (1, 0, 0, 1)]
PYTHON = {
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "nand": lambda a, b: not (a and b),
    "xor": lambda a, b: a != b,
}


def test_tables_are_those_of_the_gates():
    assert set(GATES) == set(PYTHON)
    for name, table in GATES.items():
        assert [PYTHON[name](bool(a), bool(b)) for a, b in INPUTS] == list(map(bool, table))


@pytest.mark.parametrize("table", TABLES)
def test_a_hidden_layer_computes_every_gate_exactly(table):
    net = logic_net(table)
    assert repr(net) == repr(build_mlp((3,), 1, num_inputs=2))
    assert net(np.array(INPUTS, dtype="float64"))[:, 0].tolist() == list(table)


@pytest.mark.parametrize("dtype", ["uint8", "bool"])
@pytest.mark.parametrize("table", TABLES)
def test_tables_of_any_dtype(table, dtype):
    given = numpy.array(table, dtype)
    assert logic_net(given)(np.array(INPUTS, dtype="float64"))[:, 0].tolist() == list(table)
    assert repr(separating_layer(given)) == repr(separating_layer(table))


@pytest.mark.parametrize("table", [t for t in TABLES if t not in INSEPARABLE])
def test_a_single_layer_separates_all_gates_but_two(table):
    w, b = separating_layer(table)
    o = INPUTS @ w + b
    assert ((o > 0) == table).all()
    assert (o != 0).all()


@pytest.mark.parametrize("table", INSEPARABLE)
def test_no_single_layer_separates_xor(table):
    assert separating_layer(table) is None
    # The identity of the docstring, in integers, where it is exact; and what follows from it.
    w, b = numpy.random.RandomState(0).randint(-1000, 1000, (2, 5000, 2))
    o = w @ INPUTS.T.astype(int) + b[:, :1]
    assert (o[:, 0] + o[:, 3] == o[:, 1] + o[:, 2]).all()
    right = ((o > 0) == numpy.array(table)).sum(axis=1)
    assert right.max() == 3


@pytest.mark.parametrize("table", [(0, 1), (0, 1, 2, 0), (0, 1, 1, 0.5), (0,) * 5])
@pytest.mark.parametrize("function", [logic_net, separating_layer])
def test_refused(function, table):
    with pytest.raises(ValueError, match=r"the truth table is .*; give four values of 0 or 1"):
        function(table)
