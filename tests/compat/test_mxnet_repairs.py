"""MXNet in threads, as in a GUI or a web handler, and scripts that end with loaders."""

import asyncio
import queue
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import mxnet
import numpy
import pytest
from mxnet import np, npx

from d2l_mlp.activations import ACTIVATIONS
from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.gradients import value_and_grad
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training.loop import fit

RANDOM = numpy.random.RandomState(0)
X, Y = RANDOM.randn(64, 5).astype("float32"), RANDOM.randint(0, 3, 64)


def train(net):
    """Everything that a program may do in a thread; the bits that come of it."""
    data = [ArrayLoader(X, Y, 8, seed=1), ArrayLoader(X, Y, 8)]
    history = fit(net, *data, epochs=20, momentum=0.5, lr=0.1)
    _, grad = value_and_grad(ACTIVATIONS["tanh"].function, np.array([0.5, 1.0]))
    empty = np.zeros((0, 3))  # a shape that MXNet's old semantics takes for unknown
    parameters = [p.data().asnumpy().tobytes() for p in net.collect_params().values()]
    return [m[1:5] for m in history], parameters, grad.tolist(), empty.shape


def new_net():
    mxnet.random.seed(0)
    return build_mlp((6,), 3, num_inputs=5)


def in_a_thread(function, *args):
    results = []
    thread = threading.Thread(target=lambda: results.append(function(*args)))
    thread.start()
    thread.join()
    (result,) = results
    return result


def in_a_pool(function, *args):
    with ThreadPoolExecutor() as pool:
        return pool.submit(function, *args).result()


def in_asyncio(function, *args):
    async def main():
        return await asyncio.get_running_loop().run_in_executor(None, function, *args)

    return asyncio.run(main())


@pytest.mark.parametrize("way", [in_a_thread, in_a_pool, in_asyncio])
def test_everything_works_in_a_thread(way):
    assert way(lambda: train(new_net())) == train(new_net())


def test_two_trainings_at_once_are_as_two_in_turn():
    nets = [new_net() for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(train, nets))
    finally:
        sys.setswitchinterval(interval)
    assert results == [train(new_net())] * 4


def semantics():
    return mxnet.util.is_np_array(), mxnet.util.is_np_shape()


def test_set_np_and_reset_np_hold_in_every_thread():
    """Arrays are never on where shapes are off, which MXNet forbids."""
    running, asked, answers = threading.Event(), threading.Semaphore(0), queue.Queue()

    def work():  # a thread that has been there all the time
        while not running.is_set():
            asked.acquire()
            with mxnet.util.np_array(True):
                pass
            answers.put(semantics())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for switch, expected in ((npx.set_np, True), (npx.reset_np, False), (npx.set_np, True)):
            switch()
            asked.release()
            assert {semantics(), in_a_thread(semantics), answers.get()} == {(expected, expected)}
            result = in_a_thread(dense)
            assert type(result) is (np.ndarray if expected else mxnet.nd.NDArray)
        covariance = np.eye(2)
        sample = in_a_thread(lambda: np.random.multivariate_normal(np.zeros(2), covariance))
        assert sample.shape == (2,)
    finally:
        npx.set_np()
        running.set()
        asked.release()
        thread.join()


def dense():
    net = mxnet.gluon.nn.Dense(2)
    net.initialize()
    return net((np if mxnet.util.is_np_array() else mxnet.nd).ones((1, 3)))


def test_a_thread_may_switch_it_off_for_itself():
    def off():
        npx.reset_np()
        return semantics()

    assert in_a_thread(off) == (False, False)
    assert semantics() == (True, True)
    assert in_a_thread(semantics) == (
        False,
        False,
    )  # one switch for new threads
    npx.set_np()
    assert in_a_thread(semantics) == (True, True)


def test_shuffling_returns_the_array():
    features = np.arange(20).reshape(10, 2)
    assert np.random.shuffle(features) is features  # pages of the book's first editions use it
    assert sorted(features[:, 0].tolist()) == list(range(0, 20, 2))
    assert (features[:, 1] == features[:, 0] + 1).all()


LOADERS = """
import d2l_mlp
from mxnet import np
from mxnet.gluon.data import ArrayDataset, DataLoader
new = lambda: DataLoader(ArrayDataset(np.arange(60.0)), 4, num_workers=3)
"""
STATES = """
untouched, begun, exhausted, in_cycle, in_function, deleted = (new() for _ in range(6))
minibatches = iter(begun); next(minibatches)
list(exhausted)
cycle = [in_cycle]; cycle.append(cycle); del in_cycle
def f(loader=in_function):
    return next(iter(loader))
f()
del deleted
try:
    DataLoader(ArrayDataset(np.arange(6.0)))
except ValueError as error:
    assert str(error).startswith("batch_size must be specified")
"""


def test_a_script_ends_silently(run):
    """With loaders in all states; `test_d2l_names` has those of the book."""
    result = run("-W", "error", "-c", LOADERS + STATES)
    assert result.stdout + result.stderr == ""


def test_an_error_is_all_that_a_script_prints(run):
    result = run("-c", LOADERS + "loader = new(); next(iter(loader)); 1 / 0", code=1)
    assert result.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert "Exception ignored" not in result.stderr


@pytest.mark.parametrize("df", [3.0, 10.0])
def test_chi_square_has_its_moments(df):
    mxnet.random.seed(0)
    drawn = np.random.chisquare(df, 100_000).asnumpy()
    assert drawn.mean() == pytest.approx(df, rel=0.02)
    assert drawn.var() == pytest.approx(2 * df, rel=0.05)


def test_a_multivariate_normal_has_its_moments_and_follows_the_seed():
    mean, cov = np.array([1.0, -2.0]), np.array([[1.0, 0.9], [0.9, 2.0]])
    draws = []
    for _ in range(2):
        mxnet.random.seed(0)
        draws.append(np.random.multivariate_normal(mean, cov, 100_000).asnumpy())
    numpy.testing.assert_array_equal(*draws)
    numpy.testing.assert_allclose(draws[0].mean(axis=0), mean.asnumpy(), atol=0.02)
    numpy.testing.assert_allclose(numpy.cov(draws[0].T), cov.asnumpy(), atol=0.03)
    assert np.random.multivariate_normal(mean, cov).shape == (2,)
    assert np.random.multivariate_normal(mean, cov, (3, 4)).shape == (3, 4, 2)
