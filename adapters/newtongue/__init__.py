"""newtongue: teach a language model a new language as a modality.

```python
from newtongue import ModalityAdapter

turkish = ModalityAdapter.from_pretrained("you/phi-2-turkish")
model = turkish.attach(base)
ids = model.tokenizer("Türkiye'nin başkenti neresidir?", language="tr", return_tensors="pt")
model.generate(**ids)
```
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .adapter import ModalityAdapter
    from .attaching.attached import AttachedModel, attach, detach
    from .errors import AdapterFormatError, BaseMismatchError, LanguageError, NewtongueError
    from .reading.encoder import Encoder
    from .spans.markup import mark

_HOMES = {
    "ModalityAdapter": "adapter",
    "AttachedModel": "attaching.attached",
    "attach": "attaching.attached",
    "detach": "attaching.attached",
    "Encoder": "reading.encoder",
    "AdapterFormatError": "errors",
    "BaseMismatchError": "errors",
    "LanguageError": "errors",
    "NewtongueError": "errors",
    "mark": "spans.markup",
}

__all__ = [
    "AdapterFormatError",
    "AttachedModel",
    "BaseMismatchError",
    "Encoder",
    "LanguageError",
    "ModalityAdapter",
    "NewtongueError",
    "__version__",
    "attach",
    "detach",
    "mark",
]


def __getattr__(name: str) -> Any:
    """Import torch and transformers only when something that needs them is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
