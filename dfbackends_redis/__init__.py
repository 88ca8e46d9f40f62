"""The Redis backends of dfbackends: nothing is registered yet, and nothing here claims to work."""
