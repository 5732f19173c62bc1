"""How retired MXNet runs here: its import, its devices and threads, and what is refused before it.

Lowest of the rooms: it imports no other (see `d2l_mlp.ROOMS`).
"""
