import pytest

from spacy_slavner.errors import InputError
from spacy_slavner.hub import find_encoder


@pytest.fixture
def hub(monkeypatch):
    """Set what the hub's cache has, and whether the hub answers."""

    def hub(cached, answers):
        def model_info(self, name, timeout):
            if not answers:
                raise ConnectionError("no route to host")

        monkeypatch.setattr("huggingface_hub.HfApi.model_info", model_info)
        monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *names: cached)

    return hub


def test_folder_hub_and_cache(hub, tiny_encoder):
    hub(cached=None, answers=True)
    assert find_encoder(str(tiny_encoder)) is True
    assert find_encoder("bert-base-uncased") is False
    hub(cached="/cache/config.json", answers=False)
    assert find_encoder("intfloat/multilingual-e5-small") is True
    hub(cached=None, answers=False)
    with pytest.raises(InputError, match="No encoder 'owner/name'.*ConnectionError"):
        find_encoder("owner/name")


def test_a_name_that_the_hub_cannot_have():
    with pytest.raises(InputError, match="HFValidationError"):
        find_encoder("owner/a..b")
