"""How the models come about that ship with the program: a tool of the checkout, which is not installed."""
