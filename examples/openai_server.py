"""An OpenAI-compatible server, which is transformers' own: `pip install transformers[serving]`.

python examples/openai_server.py demo/base demo/tr 8000

Clients send ordinary messages; each span is read in the language it is written in.
"""

import json
import sys

from transformers import AutoModelForCausalLM
from transformers.cli.serve import Serve
from transformers.cli.serving.model_manager import TimedModel

from newtongue import ModalityAdapter

if len(sys.argv) != 4:
    raise SystemExit(__doc__)
where, adapter, port = sys.argv[1:]
model = ModalityAdapter.from_pretrained(adapter).attach(AutoModelForCausalLM.from_pretrained(where))

server = Serve(
    port=int(port),
    chat_template_kwargs=json.dumps({"language": "auto"}),
    reasoning="auto",
    continuous_batching=False,
    non_blocking=True,
)
# It loads models by their names; this one is loaded already, and stays.
server._model_manager.loaded_models["newtongue@main"] = TimedModel(model, -1, processor=model.tokenizer)
print(f"model 'newtongue' at http://localhost:{port}/v1", flush=True)
server._thread.join()
