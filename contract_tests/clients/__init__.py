"""Who works on a store while a case runs."""
