"""The figures, one a file; each gives rows."""
