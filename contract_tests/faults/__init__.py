"""What is done to a backend on purpose, where there is no network that could fail."""
