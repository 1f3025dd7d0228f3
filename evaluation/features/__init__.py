"""Musical features of one piece."""
