"""What is measured of drum models and patterns."""
