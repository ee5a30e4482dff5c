"""How a language is read: the encoder, the mapper behind it, and where in a batch they are needed."""
