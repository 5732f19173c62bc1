"""From bytes to minibatches: the files of Fashion-MNIST, where they are found, and the loaders."""
