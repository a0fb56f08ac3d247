"""Training as a masked-language model, on a toy."""

import json
import math
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, BertForMaskedLM

from spacy_slavner.errors import InputError
from spacy_slavner.pretraining import download, mlm, runs
from spacy_slavner.pretraining.download import load_base_encoder
from spacy_slavner.pretraining.mlm import Request, pretrain

pytest.importorskip("accelerate")


@pytest.fixture
def request_(toy: Path, text: Path) -> Request:
    return Request(
        str(toy), (text,), batch=8, device_batch=4, rate=1e-2, head_steps=4, steps=6, position_steps=2,
        length=16, log_every=2, save_every=2, held_out=2,
    )  # fmt: skip


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_stages_and_what_they_train(request_: Request, toy: Path, tmp_path: Path) -> None:
    record = pretrain(tmp_path / "out", request_)
    stages = tmp_path / "out" / "stages"
    head, everything, positions = (weights(stages / name) for name in ("head", "all", "positions"))
    given = weights(toy)
    for name, weight in given.items():
        if not name.startswith("pooler"):
            assert torch.equal(head[f"bert.{name}"], weight), name
    changed = {name for name in head if not torch.equal(head[name], everything[name])}
    assert {"bert.encoder.layer.0.output.dense.weight", "bert.embeddings.word_embeddings.weight"} <= changed
    changed = {name for name in head if not torch.equal(positions[name], everything[name])}
    assert changed == {"bert.embeddings.position_embeddings.weight"}

    steps = [step for step, _ in record["stages"]["all"]["losses"]]
    assert steps == [2, 4, 6]
    assert record["stages"]["all"]["length"] == 16 and record["stages"]["positions"]["length"] == 32
    assert record["stages"]["all"]["after"]["cs"]["loss"] < record["stages"]["all"]["before"]["cs"]["loss"]
    assert set(record["perplexity"]) == {"cs", "sk", "all"}
    czech = record["perplexity"]["cs"]
    assert czech["perplexity"] == pytest.approx(math.exp(czech["loss"]))
    assert {"cpu", "cores"} <= record["machine"].keys() and record["commit"]

    made = tmp_path / "out" / "encoder"
    assert json.loads((made / "pretraining.json").read_text())["stages"] == record["stages"]
    assert str(tmp_path) not in (made / "README.md").read_text() + (made / "pretraining.json").read_text()
    loaded = AutoModel.from_pretrained(made, add_pooling_layer=False)
    for name, weight in loaded.state_dict().items():
        assert torch.equal(weight, positions[f"bert.{name}"].half().float()), name
    base = load_base_encoder(str(made))
    model = mlm.masked_lm(base)
    assert mlm.load_head(model, made)
    bias = "cls.predictions.transform.dense.bias"
    assert torch.equal(model.state_dict()[bias], positions[bias])
    assert not list(stages.glob("*.checkpoints"))


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pretrain(tmp_path / "whole", request_)
    from transformers import Trainer

    step, count = Trainer.training_step, [0]

    def stop(self, *args, **kwargs):
        count[0] += 1
        if count[0] == 2 * 4 + 2 * 5:  # in the fifth update of the second stage
            raise KeyboardInterrupt
        return step(self, *args, **kwargs)

    monkeypatch.setattr(Trainer, "training_step", stop)
    with pytest.raises(KeyboardInterrupt):
        pretrain(tmp_path / "two", request_)
    monkeypatch.setattr(Trainer, "training_step", step)
    folder = tmp_path / "two" / "stages" / "all.checkpoints"
    assert [path.name for path in folder.iterdir()] == ["checkpoint-4"]
    assert not (tmp_path / "two" / "encoder").exists()

    spent = folder / "checkpoint-4" / "seconds.json"
    assert 0 < float(spent.read_text()) < 1_000
    spent.write_text("1000.0")
    record = pretrain(tmp_path / "two", request_, resume=True)
    assert record["stages"]["all"]["seconds"] > 1_000
    assert record["seconds"] == pytest.approx(sum(s["seconds"] for s in record["stages"].values()))
    assert record["stages"]["all"]["losses"] == whole["stages"]["all"]["losses"]
    one, two = (weights(tmp_path / name / "encoder") for name in ("whole", "two"))
    for name, weight in one.items():
        torch.testing.assert_close(two[name], weight, msg=name)
    # What is finished keeps its time.
    again = pretrain(tmp_path / "two", request_, resume=True)
    assert again["seconds"] == record["seconds"]
    with pytest.raises(InputError, match="another rate.*--resume"):
        pretrain(tmp_path / "two", replace(request_, rate=1e-3), resume=True)


def test_vocabulary_and_starts(request_: Request, tmp_path: Path) -> None:
    few = replace(request_, steps=2, head_steps=2, position_steps=0, vocab_size=36)
    record = pretrain(tmp_path / "mean", few)
    change = record["stages"]["vocabulary"]
    assert change["pieces"] == record["pieces"] <= 36
    assert {c["language"] for c in change["languages"]} == {"cs", "sk"}
    assert list(change["losses"]) == list(change["losses_of_new"]) == ["random", "mean"]
    told = [change[which]["mean"]["all"]["pieces"] for which in ("losses_of_new", "losses")]
    assert 0 < told[0] < told[1]
    mean, random = (change["losses"][kind]["all"]["loss"] for kind in ("mean", "random"))
    assert mean != random
    # The kind that was asked for goes on.
    assert record["stages"]["all"]["before"]["all"]["loss"] == pytest.approx(mean, abs=1e-5)
    other = pretrain(tmp_path / "random", replace(few, vectors="random"))
    assert other["stages"]["all"]["before"]["all"]["loss"] == pytest.approx(random, rel=0.02)

    start = pretrain(tmp_path / "start", replace(few, vocab_size=0, start="random_embeddings", steps=0))
    assert "all" not in start["stages"]
    made, head = weights(tmp_path / "start" / "encoder"), weights(tmp_path / "start" / "stages" / "head")
    name = "embeddings.word_embeddings.weight"
    assert not torch.allclose(made[name].float(), head[f"bert.{name}"], atol=1e-2)
    layer = "encoder.layer.0.output.dense.weight"
    assert torch.equal(made[layer], head[f"bert.{layer}"].half())
    nothing = pretrain(tmp_path / "nothing", replace(few, vocab_size=0, start="random", steps=0))
    assert "head" not in nothing["stages"]
    assert not torch.equal(weights(tmp_path / "nothing" / "encoder")[layer], made[layer])


@pytest.mark.parametrize("start", ["random_embeddings", "random"])
def test_a_random_start_knows_nothing_of_the_pieces(request_: Request, tmp_path: Path, start: str) -> None:
    run = mlm._Run(tmp_path / "out", replace(request_, start=start), resume=False, command="")
    head, vectors = run.model.get_output_embeddings(), run.model.get_input_embeddings()
    with torch.no_grad():
        head.bias.fill_(1.0)
        vectors.weight.fill_(1.0)
    run.set_back()
    assert not run.model.get_output_embeddings().bias.any()
    assert run.model.get_output_embeddings().weight is vectors.weight and vectors.weight.std() > 0.01


def test_focus_is_measured_beside_the_others(request_: Request, tmp_path: Path) -> None:
    pytest.importorskip("deepfocus")
    few = replace(request_, head_steps=1, steps=0, position_steps=0, vocab_size=36, vectors="focus")
    losses = pretrain(tmp_path / "focus", few)["stages"]["vocabulary"]["losses"]
    assert list(losses) == ["mean", "random", "focus"]
    assert len({figures["all"]["loss"] for figures in losses.values()}) == 3


def test_a_head_that_came_along(toy: Path, tmp_path: Path) -> None:
    base = load_base_encoder(str(toy))
    assert not mlm.load_head(mlm.masked_lm(base), toy)
    BertForMaskedLM(base.model.config).save_pretrained(tmp_path / "with")
    assert mlm.load_head(mlm.masked_lm(base), tmp_path / "with")


def test_a_head_from_the_hub_stays(
    request_: Request, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = BertForMaskedLM(load_base_encoder(str(toy)).model.config)
    shutil.copytree(toy, tmp_path / "with")
    # The weights of multilingual BERT on the hub have the names of long ago.
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): weight
        for name, weight in model.named_parameters()
    }
    save_file({name: weight.detach() for name, weight in old.items()}, tmp_path / "with/model.safetensors")
    monkeypatch.setattr(download, "download", lambda name: tmp_path / "with")
    run = replace(request_, name="bert-base-multilingual-cased", steps=1, position_steps=0, rate=0.0)
    record = pretrain(tmp_path / "out", run)
    assert list(record["stages"]) == ["all"] and record["arguments"]["name"] == run.name
    head = load_file(tmp_path / "out/encoder" / mlm.HEAD_FILE)
    for name in ("transform.dense.weight", "transform.LayerNorm.weight", "bias"):
        assert torch.equal(head[f"cls.predictions.{name}"], model.state_dict()[f"cls.predictions.{name}"])


def write_record(path: Path, start: str, seed: int, **stages: dict) -> Path:
    arguments = {"start": start, "seed": seed, "vectors": "mean", "vocab_size": 30}
    path.write_text(json.dumps({"arguments": arguments, "stages": stages}))
    return path


def test_the_last_checkpoint_is_that_of_most_updates(tmp_path: Path) -> None:
    for number in (500, 1000):
        (tmp_path / f"checkpoint-{number}").mkdir()
    assert [path.name for path in runs.checkpoints(tmp_path)] == ["checkpoint-500", "checkpoint-1000"]


def test_curves_of_several_starts_and_seeds(tmp_path: Path) -> None:
    starts = [("given", 0), ("random", 0), ("random", 1)]
    losses = [[[1, 3.0 + i], [2, 2.0 + i]] for i in range(3)]
    records = [
        write_record(tmp_path / f"{start}{seed}.json", start, seed, all={"losses": curve})
        for (start, seed), curve in zip(starts, losses, strict=True)
    ]
    names = ["given, new pieces by mean, seed 0", "random, new pieces, seed 0", "random, new pieces, seed 1"]
    assert mlm.compare(records) == dict(zip(names, losses, strict=True))
    with pytest.raises(InputError, match="two of the runs are random, new pieces, seed 1"):
        mlm.compare([*records, records[-1]])


def test_bad_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_record(tmp_path / "steps.json", "given", 0)
    with pytest.raises(InputError, match="steps.json: .*no losses.*--steps"):
        mlm.compare([path])
    for name, text in {"none.json": None, "cut.json": '{"arg', "other.json": '{"info": {}}'}.items():
        if text:
            (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=f"{name}: this is no record of `pretrain`"):
            mlm.compare([tmp_path / name])
    path = write_record(path, "given", 0, all={"losses": [[1, 2.0]]})
    with pytest.raises(InputError, match="no such kind of image"):
        mlm.compare([path], tmp_path / "plot.doc")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match="matplotlib.*pip install"):
        mlm.compare([path], tmp_path / "plot.svg")


def test_perplexity_of_a_model_that_knows_nothing(toy: Path) -> None:
    from spacy_slavner.pretraining.blocks import Cutter

    base = load_base_encoder(str(toy))
    model = mlm.masked_lm(base)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    blocks = {"cs": list(Cutter(base.tokenizer, 16)("praha brno kniha vino", "cs"))}
    figures = mlm.evaluate(model, base.tokenizer, blocks, seed=0)
    assert figures["cs"]["perplexity"] == pytest.approx(model.config.vocab_size, rel=1e-4)
    assert figures == mlm.evaluate(model, base.tokenizer, blocks, seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"device_batch": 3}, "no multiple of 3"),
        ({"start": "cold"}, "no start 'cold'"),
        ({"vectors": "zero"}, "no vectors 'zero'"),
        ({"precision": "fp8"}, "no precision 'fp8'"),
        ({"segmenters": {"zh": "nobody"}}, "no segmenter 'nobody'"),
    ],
)
def test_bad_requests(request_: Request, tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        pretrain(tmp_path / "out", replace(request_, **change))
    assert not (tmp_path / "out").exists()
