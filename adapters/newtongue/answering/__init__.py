"""How a language is answered to: LoRA where a position has it, the base's own layers where none has."""
