"""What the chapter claims about weights, and what its exercises ask, as functions of a net."""
