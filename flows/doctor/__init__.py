"""``headroom doctor``: is an installation whole, and what is to be done where it is not?"""
