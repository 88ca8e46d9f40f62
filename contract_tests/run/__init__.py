"""A run of the cases under pytest: what is chosen, what became of it, and the files that say so."""
