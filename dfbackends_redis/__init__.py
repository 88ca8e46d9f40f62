"""dfbackends on Redis: a single server, a cluster, and a master that Sentinel names."""
