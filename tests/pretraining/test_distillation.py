"""A small encoder that learns from a large one, on a toy."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from spacy_slavner.errors import InputError
from spacy_slavner.layers.torch.imitation import Imitation, principal_components
from spacy_slavner.pretraining import distillation
from spacy_slavner.pretraining.blocks import Cutter
from spacy_slavner.pretraining.distillation import (
    DistillationRequest,
    TeacherCollator,
    distill,
    load_teacher,
    make_student,
    pad,
)
from spacy_slavner.pretraining.download import load_base_encoder

pytest.importorskip("accelerate")


@pytest.fixture
def request_(toy: Path, text: Path) -> DistillationRequest:
    return DistillationRequest(
        str(toy), (text,), width=8, layers=1, heads=2, intermediate=8, length=12, batch=8, device_batch=4,
        rate=1e-2, steps=40, log_every=10, save_every=10, held_out=2,
    )  # fmt: skip


def blocks_of(teacher, *texts: str) -> list:
    cutter = Cutter(teacher.tokenizer, 12, whole_words=False)
    return [block for text in texts for block in cutter(text, "cs")]


def test_the_small_encoder_comes_to_say_what_the_large_one_says(request_, tmp_path) -> None:
    record = distill(tmp_path / "out", request_)
    assert record["explained_before"]["all"] < 0.2 < record["explained"]["all"] < 1
    assert set(record["explained"]) == {"cs", "sk", "all"}
    assert [step for step, _ in record["losses"]] == [10, 20, 30, 40]
    assert record["losses"][-1][1] < record["losses"][0][1]
    made = tmp_path / "out" / "encoder"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["encoder"]
    assert json.loads((made / "distillation.json").read_text())["losses"] == record["losses"]
    assert str(tmp_path) not in (made / "README.md").read_text() + (made / "distillation.json").read_text()
    base = load_base_encoder(str(made))
    assert base.model.config.hidden_size == 8 and base.model.config.num_hidden_layers == 1
    assert sum(p.numel() for p in base.model.parameters()) == record["parameters"]
    assert record["parameters"] < record["parameters_of_teacher"]
    assert base.tokenizer.tokenize("Praha") == load_base_encoder(request_.teacher).tokenizer.tokenize("Praha")


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(request_, tmp_path, monkeypatch) -> None:
    few = replace(request_, steps=6, save_every=2, log_every=2)
    whole = distill(tmp_path / "whole", few)
    from transformers import Trainer

    step, count = Trainer.training_step, [0]

    def stop(self, *args, **kwargs):
        count[0] += 1
        if count[0] == 2 * 5:
            raise KeyboardInterrupt
        return step(self, *args, **kwargs)

    run, asked = distillation.Teacher._run, []

    def counted(self, blocks):
        asked.extend(block.ids.tobytes() for block in blocks)
        return run(self, blocks)

    monkeypatch.setattr(distillation.Teacher, "_run", counted)
    monkeypatch.setattr(Trainer, "training_step", stop)
    with pytest.raises(KeyboardInterrupt):
        distill(tmp_path / "two", few)
    monkeypatch.setattr(Trainer, "training_step", step)
    assert not (tmp_path / "two" / "encoder").exists()
    before, asked[:] = set(asked), []
    record = distill(tmp_path / "two", few, resume=True)
    assert before and not before & set(asked), "the teacher was asked again"
    assert record["losses"] == whole["losses"]
    one, two = (load_file(tmp_path / n / "encoder" / "model.safetensors") for n in ("whole", "two"))
    for name, weight in one.items():
        torch.testing.assert_close(two[name], weight, msg=name)


def test_a_run_is_not_gone_on_with_under_other_arguments(request_, tmp_path, monkeypatch) -> None:
    few = replace(request_, steps=2)

    def stop(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(distillation._Run, "_train", stop)
    with pytest.raises(KeyboardInterrupt):
        distill(tmp_path / "out", few)
    with pytest.raises(InputError, match="another width.*--resume"):
        distill(tmp_path / "out", replace(few, width=4), resume=True)


def test_teacher_says_of_each_piece_what_its_encoder_says_of_it_alone(toy, tmp_path) -> None:
    teacher = load_teacher(str(toy))
    teacher.module.precision = "fp32"  # on every machine
    blocks = blocks_of(teacher, "praha brno", "kniha EU praha brno kniha kniha", "EU")
    first = teacher.vectors(blocks)
    at = 0
    for block in blocks:
        ids = torch.from_numpy(block.ids)[None]
        alone = teacher.module.transformer(input_ids=ids).last_hidden_state[0].detach().numpy()
        np.testing.assert_allclose(first[at : at + len(block.ids)], alone, atol=1e-5)
        at += len(block.ids)
    assert at == len(first)
    teacher.keep(tmp_path / "kept", 1.0)
    teacher.vectors(blocks[:2])
    np.testing.assert_allclose(teacher.vectors([*blocks, blocks[2]])[: len(first)], first, atol=2e-3)
    assert len(teacher.cache) == len(blocks)


def test_only_the_small_encoder_sees_hidden_pieces(toy) -> None:
    teacher = load_teacher(str(toy))
    blocks = blocks_of(teacher, "praha brno kniha kniha EU", "praha")
    whole, part = TeacherCollator(teacher, 0.0, 0)(blocks), TeacherCollator(teacher, 0.5, 0)(blocks)
    hidden = part["input_ids"] == teacher.tokenizer.mask_token_id
    assert hidden.any() and torch.equal(whole["vectors"], part["vectors"])
    special = torch.isin(whole["input_ids"], torch.tensor(teacher.tokenizer.all_special_ids))
    assert not (hidden & special).any()
    assert torch.equal(whole["input_ids"][~hidden], part["input_ids"][~hidden])
    ids, mask = pad(blocks, teacher.tokenizer.pad_token_id)
    assert (ids == whole["input_ids"].numpy()).all()
    assert (mask.astype(bool) == (ids != teacher.tokenizer.pad_token_id)).all()


def test_principal_components_are_those_of_the_decomposition() -> None:
    vectors = torch.randn(50, 6, generator=torch.Generator().manual_seed(0)) * torch.arange(1.0, 7)
    found = principal_components(vectors, 3)
    centred = vectors - vectors.mean(0)
    expected = centred @ torch.linalg.svd(centred, full_matrices=False).Vh[:3].T
    torch.testing.assert_close(found.abs(), expected.abs(), atol=1e-4, rtol=1e-4)
    assert principal_components(vectors, 9).shape == (50, 6)


def test_loss_is_one_for_the_mean_and_knows_no_padding(toy, request_) -> None:
    teacher = load_teacher(str(toy))
    blocks = blocks_of(teacher, "praha brno kniha", "EU")
    batch = TeacherCollator(teacher, 0.0, 0)(blocks)
    vectors = batch["vectors"]
    model = Imitation(make_student(teacher, request_), vectors.mean(0), vectors.var(0, correction=0).mean())
    with torch.no_grad():
        torch.nn.init.zeros_(model.projection.weight)
        torch.nn.init.zeros_(model.projection.bias)
        assert float(model(**batch)["loss"]) == pytest.approx(1.0, abs=1e-5)
        torch.nn.init.normal_(model.projection.weight)
        sizes = [len(block.ids) for block in blocks]
        alone = [
            float(model(**TeacherCollator(teacher, 0.0, 0)([block]))["loss"]) * size
            for block, size in zip(blocks, sizes, strict=True)
        ]
        assert float(model(**batch)["loss"]) == pytest.approx(sum(alone) / sum(sizes), rel=1e-4)


def test_a_wider_student_takes_over_all_that_there_is(toy, request_) -> None:
    teacher = load_teacher(str(toy))
    table = make_student(teacher, replace(request_, width=24)).get_input_embeddings().weight
    assert table.shape == (teacher.module.config.vocab_size, 24) and torch.isfinite(table).all()


def test_what_does_not_fit_is_said(request_, tmp_path) -> None:
    with pytest.raises(InputError, match="3 heads do not share a width of 8.*--heads"):
        distill(tmp_path, replace(request_, heads=3))
    with pytest.raises(InputError, match="multiple of 3 x 1 devices"):
        distill(tmp_path, replace(request_, device_batch=3))
    with pytest.raises(InputError, match="layers must be at least 1"):
        distill(tmp_path, replace(request_, layers=0))


def test_a_pipeline_without_a_transformer_teaches_nothing(tmp_path) -> None:
    import spacy

    spacy.blank("cs").to_disk(tmp_path / "blank")
    with pytest.raises(InputError, match="the pipeline has no transformer of this package"):
        load_teacher(str(tmp_path / "blank"))


def test_the_transformer_of_a_pipeline_teaches_too(small_system, sample, tmp_path) -> None:
    from spacy.training.initialize import init_nlp

    from spacy_slavner.corpora.bsnlp import find, read
    from spacy_slavner.corpora.docbin import write_docbin
    from spacy_slavner.corpora.report import Report
    from spacy_slavner.corpora.sources import Options, blank_pipeline
    from spacy_slavner.training.config import fill_config

    nlp, report = blank_pipeline(), Report()
    sources = find(sample, Options(), report)[:2]
    file = tmp_path / "train.spacy"
    write_docbin([doc for source in sources for doc in read(source, nlp, Options(), report)], file)
    pipeline = init_nlp(fill_config(small_system(file, file)))
    pipeline.to_disk(tmp_path / "pipeline")
    request = DistillationRequest(
        str(tmp_path / "pipeline"), (file,), width=8, layers=1, heads=2, intermediate=8, length=64, batch=4,
        device_batch=4, steps=2, held_out=1,
    )  # fmt: skip
    record = distill(tmp_path / "out", request)
    shim = pipeline.get_pipe("transformer").model.shims[0]
    assert record["parameters_of_teacher"] == sum(p.numel() for p in shim.module.parameters())
    assert record["source"].startswith("the pipeline xx_") and sum(record["documents"].values()) == len(
        sources
    )
