"""Benchmarks: time and memory side by side, as ratios."""
