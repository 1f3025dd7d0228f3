"""The tabs of the page; the modules of `manymodes_studio` with the same names do their work."""
