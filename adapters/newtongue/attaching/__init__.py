"""How a base gains languages and stays the model it was: the port, and what is around it."""
