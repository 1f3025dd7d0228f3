"""Training of the models that ship with the program: a tool of the checkout, which is not installed."""
