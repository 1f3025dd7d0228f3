"""The models that ship with the program, each with its card; see `manymodes.hub`."""
