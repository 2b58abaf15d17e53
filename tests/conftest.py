"""Settings and fixtures that all tests share."""

import hypothesis
import numpy as np
import pytest

hypothesis.settings.register_profile(
    "default",
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("thorough", parent=hypothesis.settings.get_profile("default"), max_examples=500)
hypothesis.settings.load_profile("default")


@pytest.fixture
def rng():
    """A fresh generator of fixed seed."""
    return np.random.default_rng(0)
