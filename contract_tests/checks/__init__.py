"""Whether what was seen is what was promised."""
