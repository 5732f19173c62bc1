"""The library: the names that ``import d2l_mlp`` gives, each imported when it is first used."""

# In the order of `LAYERS`.
# isort: skip_file
# fmt: off
from .activations import (
    ACTIVATIONS, PRELU_SLOPE, Activation, gelu, prelu, relu, sigmoid, swish, tanh,
)
from .gradients import value_and_grad
from .mlp import INITIALIZERS, ActivationLayer, build_mlp, forward, softmax
from .data.releases import CLASSES
from .data.fashion_mnist import FashionMNIST, load_fashion_mnist
from .data.loaders import ArrayLoader, array_loaders, hold_out, to_features
from .data.d2l_loader import d2l_loaders, use_verified_data
from .training.hyperparameters import Hyperparameters
from .training.state import EpochMetrics, TrainingState
from .training.loop import DivergenceError, fit
from .training.metrics import evaluate_net, predict_labels
from .theory.linearity import best_bottleneck, collapse, rank
from .theory.piecewise_linear import linear_pieces, linear_regions
from .theory.logic import GATES, INPUTS, logic_net, separating_layer
from .theory.approximation import approximate, sawtooth
from .theory.batch_dependence import influence, split_gap, standardize
from .plotting.figures import FIGURES, draw
from .plotting.curves import plot_activation, plot_activations, plot_curve
from .plotting.diagrams import plot_network
from .plotting.learning_curves import plot_history
from .plotting.predictions import plot_confusion, plot_predictions
from .runs.reader import SavedRun, load_run
from .inference.evaluation import class_scores, confusion_matrix, evaluate_run, inspect_run
from .inference.prediction import predict_image
from .notebook import LiveCurve, explore, plot_tangent, show_figure

__all__ = [
    "ACTIVATIONS", "CLASSES", "FIGURES", "GATES", "INITIALIZERS", "INPUTS", "PRELU_SLOPE",
    "Activation", "ActivationLayer", "ArrayLoader", "DivergenceError", "EpochMetrics",
    "FashionMNIST", "Hyperparameters", "LiveCurve", "SavedRun", "TrainingState", "approximate",
    "array_loaders", "best_bottleneck", "build_mlp", "class_scores", "collapse",
    "confusion_matrix", "d2l_loaders", "draw", "evaluate_net", "evaluate_run", "explore", "fit",
    "forward", "gelu", "hold_out", "influence", "inspect_run", "linear_pieces",
    "linear_regions", "load_fashion_mnist", "load_run", "logic_net", "plot_activation",
    "plot_activations", "plot_confusion", "plot_curve", "plot_history", "plot_network",
    "plot_predictions", "plot_tangent", "predict_image", "predict_labels", "prelu", "rank",
    "relu", "sawtooth", "separating_layer", "show_figure", "sigmoid",
    "softmax", "split_gap", "standardize", "swish", "tanh", "to_features", "use_verified_data",
    "value_and_grad",
]

__version__: str
LAYERS: tuple[str, ...]
