"""How often the judge is wrong, on studies whose truth is known; see `__main__`."""
