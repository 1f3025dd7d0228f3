"""What is measured of tunes."""
