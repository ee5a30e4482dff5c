"""How a language is read: the port where ids become vectors, the encoder behind it, the mapper between."""
