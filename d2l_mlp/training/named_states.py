"""An optimizer of `d2l_mlp.training.optimizers` as Gluon's trainer takes one.

Gluon keeps what an optimizer remembers in a pickle, which could run code when it is read; here it
is arrays by name.
"""

from typing import Any, Dict, List, Sequence, Tuple

import mxnet
from mxnet import np

from d2l_mlp.runtime.rules import flush
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.optimizers import OPTIMIZERS
from d2l_mlp.training.state import Arrays


class NamedStates(mxnet.optimizer.Optimizer):
    """An optimizer whose states can be kept.

    Parameters
    ----------
    names : list of str
        Of the parameters, by their number.
    settings : Hyperparameters
        The optimizer, and what it takes.
    before : dict of str to dict of str to numpy.ndarray
        The states to go on from, by their names and those of the parameters.
    steps : int
        That were taken before.

    Attributes
    ----------
    arrays : dict of str to dict of str to mxnet.np.ndarray
        The states, likewise.
    """

    def __init__(
        self, names: list, settings: Hyperparameters, before: Dict[str, Arrays], steps: int
    ):
        super().__init__(learning_rate=settings.lr, wd=settings.wd, begin_num_update=steps)
        self._names, self._settings, self._before = names, settings, dict(before)
        self.arrays: Dict[str, Dict[str, np.ndarray]] = {
            state: {} for state in OPTIMIZERS[settings.optimizer].states(settings)
        }

    def create_state(self, index: int, weight: np.ndarray) -> Dict[str, np.ndarray]:
        """Make the states of a parameter, as they were before."""
        name, weight = self._names[index], weight.as_np_ndarray()  # an updater gives a legacy one
        for state, arrays in self.arrays.items():
            arrays[name] = np.zeros_like(weight)
            if name in self._before.get(state, {}):
                arrays[name][:] = self._before[state][name]
        return {state: arrays[name] for state, arrays in self.arrays.items()}

    def keep(self) -> None:
        """Let parameters that are given new states go on from those that they have."""
        for state, arrays in self.arrays.items():
            copies = {name: array.asnumpy() for name, array in arrays.items()}
            self._before[state] = {**self._before.get(state, {}), **copies}

    def update(self, index: int, weight: np.ndarray, grad: np.ndarray, state: Any) -> None:
        """Change a parameter, where Gluon's trainer does."""
        self.step(np, [index], [(weight.as_np_ndarray(), grad.as_np_ndarray(), state)])

    def step(self, xp: Any, numbers: List[int], parameters: Sequence[Tuple[Any, Any, Any]]) -> None:
        """Take a step.

        Parameters
        ----------
        xp : module
            ``numpy`` or ``mxnet.np``, of which the arrays are.
        numbers : list of int
            Of the parameters. To find out their rates takes as long for one as for all.
        parameters : sequence of tuple
            Each of them, its gradient, which is used up, and its states by their names.
        """
        self._update_count(numbers)
        take = OPTIMIZERS[self._settings.optimizer].step
        rates, decays = self._get_lrs(numbers), self._get_wds(numbers)
        for number, lr, wd, (weight, grad, states) in zip(numbers, rates, decays, parameters):
            grad *= self.rescale_grad
            if wd:
                grad += wd * weight
            t = self._index_update_count[number]
            take(xp, weight, grad, states, flush(lr), t, self._settings)
