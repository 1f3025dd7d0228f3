"""Losses, layers and schedules that the models share."""
