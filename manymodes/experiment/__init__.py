"""The life of a model: configuration, run folder, training, comparison."""
