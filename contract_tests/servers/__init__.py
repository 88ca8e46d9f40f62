"""How the store of a backend is had, and the processes behind it."""
