"""The defects, by themes. Each class differs from a sound one in one respect, which its docstring says."""
