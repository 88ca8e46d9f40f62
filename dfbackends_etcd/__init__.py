"""The etcd backend of dfbackends: nothing is registered yet, and nothing here claims to work."""
