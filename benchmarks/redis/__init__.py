"""The Redis drivers beside redis-py, in the same run."""
