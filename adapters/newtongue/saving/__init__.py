"""How an adapter lies on disk: its folder, the parts in it, and what they claim."""
