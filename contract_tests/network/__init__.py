"""A network between a client and its server, which fails on demand."""
