"""How a language is written: its voice, its columns in the head, and generation over all ids."""
