"""From minibatches to a net: hyperparameters, the loop, the optimizer, evaluation."""
