"""A backend with a network: the embedded drivers, served by other processes, one of which serves and another could.

Frames of JSON with their length before them. It keeps the contract as a third party would: time-outs, exceptions of its own and
what they mean, no repetition and no threads. Its parts are what the defects of backends with a server are seeded in.
"""
