"""One thread for every command of these tests: their networks are tiny, and results do not depend on it."""

import pytest

import goldfish


@pytest.fixture(scope="package", autouse=True)
def one_thread():
    before = goldfish.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOLDFISH_NUM_THREADS", "1")  # for commands that run as programs of their own
        goldfish.set_num_threads(1)
        yield
        goldfish.set_num_threads(before)
