import numpy
import pytest
from mxnet import autograd, gluon, np

from d2l_mlp.activations import ACTIVATIONS
from d2l_mlp.inference.symbol import to_symbol
from tests.nets import random_run


# MXNet warns of every import, of what it exported itself too.
@pytest.mark.filterwarnings("ignore:Cannot decide type")
@pytest.mark.parametrize("hidden", [(), (9,), (6, 5, 4)], ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dropout", [0, 0.5])
def test_gluon_reads_the_same_net(tmp_path, activation, hidden, dropout):
    net = random_run(activation=activation, hidden=hidden, dropout=dropout).net
    symbol, parameters = to_symbol(net)
    (tmp_path / "model.json").write_bytes(symbol)
    (tmp_path / "model-0000.params").write_bytes(parameters)
    block = gluon.SymbolBlock.imports(
        str(tmp_path / "model.json"), ["image"], str(tmp_path / "model-0000.params")
    )
    assert set(block.collect_params()) == set(net._collect_params_with_prefix())
    X = np.array(numpy.random.RandomState(1).rand(20, 1, 28, 28), dtype="float32")
    expected = net(X).asnumpy()
    numpy.testing.assert_array_equal(block(X).asnumpy(), expected)
    with autograd.train_mode():  # where dropout would draw
        numpy.testing.assert_array_equal(block(X).asnumpy(), expected)
