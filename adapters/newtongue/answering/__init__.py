"""How a language is answered to: LoRA where a row has it, the base's own layers where none has."""
