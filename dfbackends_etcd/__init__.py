"""dfbackends on etcd: one node, or a cluster."""
