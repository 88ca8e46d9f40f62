"""The etcd driver beside other clients of etcd."""
