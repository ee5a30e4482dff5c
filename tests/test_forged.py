"""Folders made to harm: two hundred of them give two hundred clear errors, in little time and memory."""

import json
import os
import random
import resource
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel

from newtongue import AdapterFormatError, ModalityAdapter, NewtongueError
from newtongue.saving.folder import checksums
from tiny import ENCODERS
from worlds import world

Forge = Callable[[Path, random.Random], None]

WEIGHTS = ["mapper.safetensors", "encoder/model.safetensors", "lora/adapter_model.safetensors"]
TEXTS = ["encoder/config.json", "encoder/tokenizer.json", "lora/adapter_config.json"]
HUGE = 1 << 40


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forged") / "tr"
    world().adapter("tr").save_pretrained(folder)
    return folder


def resign(folder: Path) -> None:
    """List the files as they are now: whoever forges a folder forges its checksums too."""
    edit(folder / "modality_config.json", lambda values: values.update(files=checksums(folder)))


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def flip_a_byte(folder: Path, dice: random.Random) -> None:
    path = folder / dice.choice([*WEIGHTS, *TEXTS])
    data = bytearray(path.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.write_bytes(data)


def cut_short(folder: Path, dice: random.Random) -> None:
    path = folder / dice.choice([*WEIGHTS, *TEXTS, "modality_config.json"])
    path.write_bytes(path.read_bytes()[: dice.randrange(path.stat().st_size)])
    if path.name != "modality_config.json" and path.suffix == ".safetensors" and dice.random() < 0.5:
        resign(folder)


def swap_two_files(folder: Path, dice: random.Random) -> None:
    one, other = dice.sample(WEIGHTS, 2)
    (folder / one).rename(folder / "aside")
    (folder / other).rename(folder / one)
    (folder / "aside").rename(folder / other)
    if dice.random() < 0.7:
        resign(folder)


def take_a_file_away(folder: Path, dice: random.Random) -> None:
    (folder / dice.choice([*WEIGHTS, *TEXTS, "modality_config.json"])).unlink()


def fuzz_the_config(folder: Path, dice: random.Random) -> None:
    wrong = dice.choice([None, [], {}, "", "x" * 100, -1, 1.5, True, HUGE, [[[]]]])
    group = dice.choice([None, "base", "mapper"])
    keys = {
        None: ["language", "vocabulary", "base", "mapper", "files", "format_version"],
        "base": ["id", "width", "rows", "architecture"],
        "mapper": ["encoder_width", "hidden", "base_width", "scale"],
    }[group]
    key = dice.choice(keys)
    harmless = {("base", "id"): (str,), ("base", "architecture"): (str,), ("mapper", "scale"): (int, float)}
    harmless |= {("base", "rows"): (int,), ("base", "width"): (int,)}  # Compared with the base, never made.
    while isinstance(wrong, harmless.get((group, key), ())) and not isinstance(wrong, bool):
        wrong = dice.choice([None, [], {}, [[[]]]])

    def change(values: dict[str, Any]) -> None:
        (values[group] if group else values)[key] = wrong

    edit(folder / "modality_config.json", change)


def nest_deeply(folder: Path, dice: random.Random) -> None:
    path = folder / dice.choice(["modality_config.json", *TEXTS])
    path.write_text(dice.choice(["[", '{"a":']) * 200_000)
    if path.name != "modality_config.json":
        resign(folder)


def forge_a_header(folder: Path, dice: random.Random) -> None:
    path = folder / dice.choice(WEIGHTS)
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    name = dice.choice([key for key in header if key != "__metadata__"])
    kind = dice.randrange(7)
    if kind == 0:
        path.write_bytes(struct.pack("<Q", dice.choice([HUGE, (1 << 64) - 1, 0, 1])) + data[8:])
    else:
        change = {
            1: {"shape": [HUGE, HUGE]},
            2: {"shape": [-1, 4]},
            3: {"dtype": "F999"},
            4: {"data_offsets": [0, HUGE]},
            5: {"data_offsets": [HUGE, 0]},
            6: {"shape": "many"},
        }[kind]
        header[name] |= change
        made = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(made)) + made + body)
    resign(folder)


def claim_too_much(folder: Path, dice: random.Random) -> None:
    file, key = dice.choice(
        [
            ("encoder/config.json", "hidden_size"),
            ("encoder/config.json", "vocab_size"),
            ("encoder/config.json", "num_hidden_layers"),
            ("encoder/config.json", "intermediate_size"),
            ("encoder/config.json", "max_position_embeddings"),
            ("lora/adapter_config.json", "r"),
            ("modality_config.json", "hidden"),
            ("modality_config.json", "vocabulary"),
        ]
    )
    value = dice.choice([10**6, 10**9, 10**12]) * 2

    def change(values: dict[str, Any]) -> None:
        (values["mapper"] if key == "hidden" else values)[key] = value

    edit(folder / file, change)
    resign(folder)


def claim_another_rank(folder: Path, dice: random.Random) -> None:
    claims: list[dict[str, Any]] = [{"r": 64}, {"r": 10**9}, {"rank_pattern": {"fc1": 10**9}}, {"rank_pattern": [4]}]
    if dice.random() < 0.5:  # As of a LoRA that was never attached.
        (folder / "lora/adapter_model.safetensors").unlink()
    else:
        claims.append({"r": 8})
    edit(folder / "lora/adapter_config.json", lambda values: values.update(dice.choice(claims)))
    resign(folder)


def claim_endless_positions(folder: Path, dice: random.Random) -> None:
    """DeBERTa's positions may be a buffer alone: no parameter tells of them."""
    config = AutoConfig.for_model("deberta", vocab_size=300, position_biased_input=False, **ENCODERS["bert"])
    AutoModel.from_config(config).save_pretrained(folder / "encoder")
    positions = dice.choice([1 << 27, 1 << 34, 1 << 60])
    edit(folder / "encoder/config.json", lambda values: values.update(max_position_embeddings=positions))
    resign(folder)


def claim_what_cannot_be(folder: Path, dice: random.Random) -> None:
    claims = [{"num_attention_heads": 0}, {"pad_token_id": HUGE}, {"hidden_act": [1]}, {"quantization_config": 3}]
    edit(folder / "encoder/config.json", lambda values: values.update(dice.choice(claims)))
    resign(folder)


def point_out_of_the_folder(folder: Path, dice: random.Random) -> None:
    """An index of shards names a file outside; weights that fit the config lie beside it."""
    encoder, index = folder / "encoder", "model.safetensors.index.json"
    weights = load_file(encoder / "model.safetensors")
    shutil.copy(encoder / "model.safetensors", folder.parent / "outside.safetensors")
    write_index(encoder / index, weights, "../../outside.safetensors")
    if dice.random() < 0.5:
        (encoder / "model.safetensors").rename(encoder / "decoy.safetensors")
    else:
        edit(encoder / "config.json", lambda values: values.update(transformers_weights=index))
    resign(folder)


def bring_a_pickle_by_another_name(folder: Path, dice: random.Random) -> None:
    encoder, name = folder / "encoder", dice.choice(["weights.dat", "vocab.txt", "weights"])
    weights = load_file(encoder / "model.safetensors")
    torch.save(weights, encoder / name)
    write_index(encoder / "pytorch_model.bin.index.json", weights, name)
    (encoder / "model.safetensors").rename(encoder / "decoy.safetensors")
    resign(folder)


def write_index(path: Path, weights: dict[str, torch.Tensor], file: str) -> None:
    path.write_text(json.dumps({"metadata": {}, "weight_map": dict.fromkeys(weights, file)}))


def link_out_of_the_folder(folder: Path, dice: random.Random) -> None:
    path = folder / dice.choice([*WEIGHTS, *TEXTS])
    target = dice.choice([Path("/etc/passwd"), Path("/dev/zero"), folder.parent / "outside", folder])
    (folder.parent / "outside").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(target)


def name_a_path_outside(folder: Path, dice: random.Random) -> None:
    name = dice.choice(["../outside", "/etc/passwd", "encoder/../../outside", "a\\..\\b", "encoder/\0", ""])
    edit(folder / "modality_config.json", lambda values: values["files"].update({name: "0" * 64}))


def bring_a_pickle(folder: Path, dice: random.Random) -> None:
    name = dice.choice(["encoder/pytorch_model.bin", "lora/x.PT", "code.py", "encoder/deep/x.pkl"])
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"\x80\x04.")


def ask_for_code(folder: Path, dice: random.Random) -> None:
    code = {"auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}, "model_type": "evil"}
    edit(folder / "encoder/config.json", lambda values: values.update(code))
    resign(folder)


def grow_without_end(folder: Path, dice: random.Random) -> None:
    path = folder / dice.choice([*WEIGHTS, *TEXTS, "modality_config.json"])
    os.truncate(path, HUGE)  # A hole: it takes no room on the disk.


def stop_the_reader(folder: Path, dice: random.Random) -> None:
    path = folder / dice.choice([*WEIGHTS, *TEXTS])
    path.unlink()
    os.mkfifo(path)


FORGERIES: list[Forge] = [
    flip_a_byte,
    cut_short,
    swap_two_files,
    take_a_file_away,
    fuzz_the_config,
    nest_deeply,
    forge_a_header,
    claim_too_much,
    claim_another_rank,
    claim_endless_positions,
    claim_what_cannot_be,
    point_out_of_the_folder,
    bring_a_pickle_by_another_name,
    link_out_of_the_folder,
    name_a_path_outside,
    bring_a_pickle,
    ask_for_code,
    grow_without_end,
    stop_the_reader,
]
CASES = [(FORGERIES[number % len(FORGERIES)], number) for number in range(200)]


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forged_folder_is_one_clear_error(forge: Forge, saved: Path, tmp_path: Path) -> None:
    for _, number in (case for case in CASES if case[0] is forge):
        folder = tmp_path / str(number) / "tr"
        shutil.copytree(saved, folder)
        forge(folder, random.Random(number))
        around = sorted(path.name for path in folder.parent.iterdir())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(NewtongueError) as raised:
            ModalityAdapter.from_pretrained(folder)
        said = str(raised.value)
        assert isinstance(raised.value, AdapterFormatError) or "language" in said, (number, said)
        assert len(said) < 2000 and said.strip().endswith((".", "'")), (number, said)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 512 << 10, (number, "KiB of memory")
        assert sorted(path.name for path in folder.parent.iterdir()) == around


def test_there_are_two_hundred() -> None:
    assert len(CASES) == 200
