"""5,000 training and 1,000 test images of Fashion-MNIST, for machines without network."""
