"""Losses asked for at labelled positions alone: what the whole forward scores."""

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForMaskedLM
from trl.trainer.utils import add_fused_lm_head

from newtongue import AttachedModel
from newtongue_recipes.stages import labelled
from streams import Part, Row, batch, ids_of
from tiny import ARCHITECTURES, ENCODERS, tiny_base, tiny_encoder
from worlds import attach_two

ASKED = (Part(None, 2, 2), Part("tr", 5, 3), Part(None, 3, 4))
ENGLISH = Part(None, 4, 6)
ANSWERS = {
    "nothing labelled": (),
    "in English": (ENGLISH,),
    "written": (Part("tr", 4, 5, written=True),),
    "thought, then written": (ENGLISH, Part("tr", 4, 5, written=True), Part(None, 1, 7)),
}


def taught(model: AttachedModel, *answers: Row) -> dict[str, Tensor]:
    """Rows asked in Turkish, and one in English without a label, padded; the answers are the labels."""
    asked = len(ids_of(ASKED, model))
    rows = [ids_of((*ASKED, *answer), model) for answer in answers]
    inputs = batch([*rows, ids_of((Part(None, 7, 1),), model)])
    labels = torch.full_like(inputs["input_ids"], -100)
    for place, row in enumerate(rows):
        labels[place, asked : len(row)] = inputs["input_ids"][place, asked : len(row)]
    return {**inputs, "labels": labels}


def scored(model: AttachedModel, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities, entropies and hits of the labels, by the whole forward; zero elsewhere."""
    labels = inputs["labels"][:, 1:]
    logits = model(**{name: one for name, one in inputs.items() if name != "labels"}).logits[:, :-1].float()
    here, chances = labels != -100, logits.log_softmax(-1)
    nats = chances.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    entropy = -(chances.exp() * chances.clamp(min=-1e9)).sum(-1)
    return nats.where(here, 0), entropy.where(here, 0), (logits.argmax(-1) == labels).float()


@pytest.fixture(params=["phi", "phi3", "gemma3_text"])
def model(request: pytest.FixtureRequest) -> AttachedModel:
    model = attach_two(tiny_base(request.param), voice=True)
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    labelled.score_labelled(model)
    return model.eval()  # So that no dropout tells two forwards apart.


@pytest.mark.parametrize("together", [3, 2048], ids=["in lots", "at once"])
@pytest.mark.parametrize("answers", [*((one,) for one in ANSWERS), tuple(ANSWERS)], ids=", ".join)
def test_the_loss_and_its_gradients_are_those_of_the_whole_forward(
    model: AttachedModel, monkeypatch: pytest.MonkeyPatch, answers: tuple[str, ...], together: int
) -> None:
    monkeypatch.setattr(labelled, "SCORED_AT_ONCE", together)
    inputs = taught(model, *(ANSWERS[one] for one in answers))
    log_probs, entropy, right = scored(model, inputs)
    mask = inputs["labels"][:, 1:] != -100
    out = model(**inputs, fused_lm_head=True)
    assert torch.equal(out.label_mask, mask)
    torch.testing.assert_close(out.log_probs, log_probs)
    torch.testing.assert_close(out.entropy, entropy)
    assert torch.equal(out.is_top1, right.bool())
    torch.testing.assert_close(out.loss, -log_probs.sum() / max(1, int(mask.sum())))
    halved = model(**inputs, fused_lm_head=True, num_items_in_batch=2 * mask.sum().clamp(min=1))
    torch.testing.assert_close(halved.loss, out.loss / 2)

    trained = [weight for _, weight in model.adapter("tr").trainable_parameters()]
    for weight in trained:
        weight.requires_grad_(True)
    own = model(**inputs, fused_lm_head=True).loss
    whole = -scored(model, inputs)[0].sum() / max(1, int(mask.sum()))
    found, expected = (
        torch.autograd.grad(loss, trained, allow_unused=True, materialize_grads=True) for loss in (own, whole)
    )
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [*((name, {}) for name in ARCHITECTURES), ("gemma3_text", {"final_logit_softcapping": 5.0})],
    ids=[*ARCHITECTURES, "caps its logits"],
)
def test_the_base_s_own_loss_is_that_of_its_whole_forward(architecture: str, changes: dict[str, float]) -> None:
    model = attach_two(tiny_base(architecture, **changes)).eval()
    inputs = taught(model, ANSWERS["in English"], ANSWERS["nothing labelled"], (ENGLISH, ENGLISH))
    labels, ids = inputs["labels"], inputs["input_ids"]
    embedded = model.embed(ids).detach().requires_grad_(True)
    whole = model(inputs_embeds=embedded, attention_mask=inputs["attention_mask"], labels=labels, use_cache=False).loss
    own = labelled.labelled_loss(model, labels, inputs_embeds=embedded, attention_mask=inputs["attention_mask"])
    torch.testing.assert_close(own, whole)
    torch.testing.assert_close(*(torch.autograd.grad(loss, embedded)[0] for loss in (own, whole)))


@pytest.mark.parametrize(
    ("architecture", "changes", "voice"),
    [
        ("phi", {}, False),
        ("gemma3_text", {"final_logit_softcapping": 5.0}, True),
        ("llama", {"output_router_logits": True}, True),
    ],
    ids=["no language writes", "a base that caps its logits", "a base that adds a loss of its experts"],
)
def test_elsewhere_the_stock_forward_stays(architecture: str, changes: dict[str, float], voice: bool) -> None:
    model = attach_two(tiny_base(architecture, **changes), voice=voice)
    before = model.forward
    labelled.score_labelled(model)
    assert model.forward == before


def test_asked_without_the_fused_head_the_forward_is_the_base_s(model: AttachedModel) -> None:
    inputs = taught(model, ANSWERS["in English"])
    del inputs["labels"]
    logits = model(**inputs).logits
    assert logits.shape[:2] == inputs["input_ids"].shape


@pytest.mark.parametrize("architecture", ENCODERS)
def test_an_encoder_s_loss_is_that_of_its_whole_forward(architecture: str) -> None:
    model = AutoModelForMaskedLM.from_config(tiny_encoder(architecture=architecture).model.config).eval()
    ids = torch.randint(5, model.config.vocab_size, (3, 9), generator=torch.Generator().manual_seed(0))
    inputs = {"input_ids": ids, "labels": ids.where(torch.arange(9) % 4 == 1, -100)}
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def loss() -> tuple[Tensor, tuple[Tensor | None, ...]]:
        found = model(**inputs).loss
        return found, torch.autograd.grad(found, weights, allow_unused=True)

    (whole, gradients), kept = loss(), dict(vars(model.config))
    labelled.score_masked(model)
    own, sparse = loss()
    torch.testing.assert_close(own, whole)
    for one, other in zip(sparse, gradients, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other)
    assert vars(model.config) == kept  # Whoever loads what was saved gets the stock forward.
    if architecture == "modernbert":
        assert len(model(**inputs).logits) == int((inputs["labels"] != -100).sum())
