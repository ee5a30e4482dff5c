"""How a language is written: its voice, its columns in the head, its ids in generation's scores."""
