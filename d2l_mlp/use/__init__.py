"""What a trained run is good for: measuring it, predicting an image, taking it elsewhere."""
