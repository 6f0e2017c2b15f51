"""A playbook of one's own that is refused."""

from pathlib import Path

import pytest

from data.errors import SettingsError
from serving.reasons.playbook import load
from tests.serving.world import CATALOGUE


def what_is_refused(folder: Path, text: str) -> str:
    """What was found wrong in a playbook of this text, which is told of its file."""
    own = folder / "own.toml"
    own.write_text(text)
    with pytest.raises(SettingsError) as refusal:
        load(CATALOGUE, own)
    assert str(own) in refusal.value.asked
    return refusal.value.found
