"""A trained net at work: measuring it, predicting an image, and files for other programs."""
