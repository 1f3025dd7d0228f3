"""The features of mgeval, as published."""
