"""Experiments: what adapters and their alternatives learn from the same data, at the same cost, scored alike."""
