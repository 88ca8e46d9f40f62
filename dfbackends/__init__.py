"""A store and its notifications for control planes, by pluggable backends: never silently wrong."""
