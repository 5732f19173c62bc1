"""A training's live curve, and what it prints outside a notebook."""

# As a training would call it; the figures are easy to recognize.
LINES = """
first = 1
from d2l_mlp import EpochMetrics, LiveCurve, TrainingState
curve, history = LiveCurve(3), ()
for epoch in (1, 2, 3):
    last = EpochMetrics(epoch, 1 / epoch, 1 - 0.5 / epoch, 1.5 / epoch, 1 - 0.6 / epoch, 9, 9, 1, 1)
    history += (last,)
    if epoch >= first:
        curve(TrainingState(history, {}, {}, epoch, {}))
"""
EXPECTED = """\
epoch 1/3  train loss 1.0000 acc 0.5000  test loss 1.5000 acc 0.4000
epoch 2/3  train loss 0.5000 acc 0.7500  test loss 0.7500 acc 0.7000
epoch 3/3  train loss 0.3333 acc 0.8333  test loss 0.5000 acc 0.8000
"""
