"""The agent of a hypervisor: keeps the flows of its data plane equal to the ports of its tenants in a store."""
