"""MXNet's memory as NumPy sees it."""

import gc
import weakref

import numpy
import pytest
from mxnet import autograd, np, npx

from d2l_mlp.hardware.host_arrays import HostMemory


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "uint8"])
@pytest.mark.parametrize("shape", [(3, 4), (5,), (2, 1, 3), (1, 1)])
def test_both_read_and_write_the_same_memory(dtype, shape):
    values = numpy.arange(numpy.prod(shape)).reshape(shape).astype(dtype)
    array = np.array(values, dtype=dtype)
    view = HostMemory(array).view()
    assert (view.dtype, view.shape) == (values.dtype, shape)
    assert (view == values).all()
    view += 1
    assert (array.asnumpy() == values + 1).all()
    array += 1
    npx.waitall()
    assert (view == values + 2).all()


def test_it_waits_for_what_mxnet_still_writes():
    for _ in range(20):
        a = np.ones((600, 600))
        assert (HostMemory(a.dot(a).dot(a)).view() == 600.0**2).all()


def test_weights_that_mxnet_has_stored_in_its_own_order_come_back_in_theirs():
    values = numpy.random.RandomState(0).rand(256, 784).astype("float32")
    weight, X = np.array(values), np.ones((64, 784))
    memory = HostMemory(weight)
    for _ in range(3):
        npx.fully_connected(X, weight, no_bias=True, num_hidden=256)  # outside of training
        with autograd.train_mode():
            npx.fully_connected(X, weight, no_bias=True, num_hidden=256)
        npx.waitall()
        assert (memory.view() == values).all()


def test_the_view_keeps_the_array_and_nothing_else_does():
    array = np.ones((4,))
    view, gone = HostMemory(array).view(), weakref.ref(array)
    gc.disable()  # there is no circle for it to find
    try:
        del array
        assert gone() is not None
        assert (view == 1).all()
        del view
        assert gone() is None
    finally:
        gc.enable()
