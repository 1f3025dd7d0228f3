"""What is measured of sounds."""
