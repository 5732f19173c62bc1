"""Refuse examples that do not suit a net, before it is trained or tested on them."""

import math
from typing import Iterable, Iterator, Tuple

import mxnet
from mxnet import gluon, np

from d2l_mlp.data.arrays import check_features, check_labels
from d2l_mlp.runtime.dense_layers import check_dtype
from d2l_mlp.runtime.device import device_of


def check_inputs(net: gluon.Block, X: np.ndarray, first: int = 0) -> int:
    """Refuse features that a net cannot take, or that `check_features` refuses.

    Parameters
    ----------
    net : gluon.Block
        Initialized; maps features to logits (n, num_outputs). It is run on one example, which
        gives shapes to those parameters that still wait for data (see `infer_shapes`).
    X : mxnet.np.ndarray
        Features of shape (n, ...), of the net's dtype.
    first : int, default 0
        Number of the first example, in the message.

    Returns
    -------
    int
        num_outputs.

    Raises
    ------
    ValueError
        If the features are refused, or the net has no parameters or gives no logits.
    """
    if not isinstance(X, np.ndarray):
        raise ValueError(f"features are a {_name(X)}; give an mxnet.np.ndarray, or ArrayLoader")
    check_features(X, first)
    parameter = _first_parameter(net)
    check_dtype(X.dtype, parameter.dtype)
    try:
        shape = net(X[:1].as_in_ctx(device_of(net))).shape
    except mxnet.base.MXNetError as error:
        has, weight = math.prod(X.shape[1:]), parameter.shape
        if len(weight) == 2 and has != weight[1]:
            raise ValueError(
                f"example {first} has {has} features, but the net takes {weight[1]}; "
                f"give it as many, or build it for {has}"
            ) from None
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(f"the net cannot take features of shape {X.shape} ({reason})") from None
    if len(shape) != 2:
        raise ValueError(
            f"the net makes outputs of shape {shape} of one example; "
            "let it end in a Dense layer, whose logits have the shape (n, num_outputs)"
        )
    return shape[1]


def infer_shapes(net: gluon.Block, data_iter: Iterable) -> None:
    """Initialize those parameters of a net whose shapes wait for data, by running one example.

    Parameters
    ----------
    net : gluon.Block
        Initialized, perhaps without its input sizes; nothing is done if it has them all.
    data_iter : iterable
        Minibatches (X, y), of which the first is taken, be it of ``pieces()`` if it has them.

    Raises
    ------
    ValueError
        If the example is refused by `check_inputs`.
    """
    try:
        for parameter in net.collect_params().values():
            parameter.list_data()
    except gluon.parameter.DeferredInitializationError:
        for X, _ in _minibatches(data_iter):
            check_inputs(net, X[:1])
            return


def check_data(net: gluon.Block, data_iter: Iterable) -> None:
    """Refuse data that a net cannot be trained or tested on, epoch after epoch.

    Parameters
    ----------
    net : gluon.Block
        Initialized; see `check_inputs`.
    data_iter : iterable
        Minibatches (X, y). It is gone through once, unless it gives all of them in ``pieces()``.

    Raises
    ------
    ValueError
        If there are no examples, one is refused by `check_inputs` or `check_labels`, or the data
        can be gone through only once.
    """
    if hasattr(data_iter, "__next__"):
        raise ValueError(
            f"the minibatches come from a {_name(data_iter)}, which gives them only once; "
            "give a list of them, or a loader"
        )
    for _ in _checked(net, _minibatches(data_iter)):
        pass


def checked(net: gluon.Block, data_iter: Iterable) -> Iterable:
    """Give the minibatches of data that are gone through once, refused as by `check_data`.

    Parameters
    ----------
    net : gluon.Block
        Initialized; see `check_inputs`.
    data_iter : iterable
        Minibatches (X, y); also a generator of them.

    Returns
    -------
    iterable
        The same minibatches. Those of a loader that gives all of them in ``pieces()`` are checked
        at once, others when their turn comes, which raises the ValueError then.
    """
    _first_parameter(net)
    if hasattr(data_iter, "pieces"):
        check_data(net, data_iter)
        return data_iter
    return _checked(net, data_iter)


def _first_parameter(net: gluon.Block) -> gluon.Parameter:
    for parameter in net.collect_params().values():
        return parameter
    raise ValueError("the net has no parameters; add a layer that has some, such as Dense")


def _checked(net: gluon.Block, minibatches: Iterable) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
    first = 0
    for minibatch in minibatches:
        if not isinstance(minibatch, (tuple, list)) or len(minibatch) != 2:
            raise ValueError(f"a minibatch is a {_name(minibatch)}; give pairs (X, y)")
        X, y = minibatch
        num_outputs = check_inputs(net, X, first)
        if not isinstance(y, np.ndarray):
            raise ValueError(f"labels are a {_name(y)}; give an mxnet.np.ndarray, or ArrayLoader")
        if len(X) != len(y):
            raise ValueError(f"{len(X)} examples but {len(y)} labels; give each example one")
        check_labels(y, num_outputs, first)
        first += len(y)
        yield X, y
    if not first:
        raise ValueError("the data hold no example; give at least one minibatch")


def _minibatches(data_iter: Iterable) -> Iterable:
    """Give the data so that no epoch begins: a loader's order goes on with each."""
    return data_iter.pieces() if hasattr(data_iter, "pieces") else data_iter


def _name(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__name__}".replace("builtins.", "")
