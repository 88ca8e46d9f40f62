"""A backend for dfbackends in an LMDB environment: transactions, durable, for several processes of one machine."""
