"""Threads, processes, instruction sets and the floating-point environment."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import goldfish as gf
from compare import DEFAULT, FLOAT64, error
from goldfish import _core
from workload import bits, results

WORKLOAD = Path(__file__).parents[1] / "workload.py"
THREAD_VARIABLES = ("GOLDFISH_NUM_THREADS", "OMP_NUM_THREADS")


def run_python(code, timeout=120, **environment):
    """The output of a fresh interpreter without thread settings of our own."""
    clean = {name: value for name, value in os.environ.items() if name not in THREAD_VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class TestThreadCount:
    def test_blocks_set_and_restore(self):
        before = gf.get_num_threads()
        with gf.threads(1):
            assert gf.get_num_threads() == 1
            with gf.threads(3):
                assert gf.get_num_threads() == 3
            assert gf.get_num_threads() == 1
        assert gf.get_num_threads() == before
        with pytest.raises(KeyError), gf.threads(before + 1):
            raise KeyError
        assert gf.get_num_threads() == before

    def test_one_object_may_be_entered_again(self):
        before, block = gf.get_num_threads(), gf.threads(5)
        with block, gf.threads(2), block:
            assert gf.get_num_threads() == 5
        assert gf.get_num_threads() == before
        with block:
            assert gf.get_num_threads() == 5

    def test_a_block_is_for_its_own_python_thread(self):
        before, block = gf.get_num_threads(), gf.threads(gf.get_num_threads() + 3)

        def enter_too():
            seen = [gf.get_num_threads()]
            with block:
                seen.append(gf.get_num_threads())
            return [*seen, gf.get_num_threads()]

        with block, ThreadPoolExecutor(1) as pool:
            assert pool.submit(enter_too).result() == [before, before + 3, before]
            assert gf.get_num_threads() == before + 3
        assert gf.get_num_threads() == before

    def test_set_for_the_process(self):
        before = gf.get_num_threads()
        try:
            gf.set_num_threads(before + 2)
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(gf.get_num_threads).result() == before + 2
            with gf.threads(1):
                gf.set_num_threads(before + 4)
                assert gf.get_num_threads() == 1
            assert gf.get_num_threads() == before + 4
        finally:
            gf.set_num_threads(before)

    @pytest.mark.parametrize(
        "environment, expected",
        [
            ({"GOLDFISH_NUM_THREADS": "1", "OMP_NUM_THREADS": "2"}, 1),
            ({"GOLDFISH_NUM_THREADS": "3"}, 3),
            ({"OMP_NUM_THREADS": "4"}, 4),
        ],
    )
    def test_from_the_environment(self, environment, expected):
        assert run_python("import goldfish as gf; print(gf.get_num_threads())", **environment) == str(expected)

    @pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity masks")
    def test_from_the_affinity_mask(self):
        code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); import goldfish as gf; "
        assert run_python(code + "print(gf.get_num_threads())") == "1"


class TestSameBits:
    def test_for_every_thread_count(self):
        expected = bits()
        for n in (1, 2, 3, 5, 8):
            with gf.threads(n):
                found = bits()
            assert [name for name in expected if found[name] != expected[name]] == [], f"{n} threads"

    def test_for_eight_python_threads_at_once(self):
        expected = bits()
        with ThreadPoolExecutor(8) as pool:
            for found in pool.map(lambda _: bits(), range(8)):
                assert [name for name in expected if found[name] != expected[name]] == []

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
    @pytest.mark.parametrize("n", [1, 2])
    def test_in_a_forked_child(self, n):
        with gf.threads(n):
            expected = bits()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                child = os.fork()
            if child == 0:
                os._exit(_exit_code(lambda: bits() == expected))
            assert _wait(child, seconds=60) == 0
            assert bits() == expected

    def test_after_release_memory(self):
        expected = results()
        gf.release_memory()
        assert all(np.array_equal(array, expected[name], equal_nan=True) for name, array in results().items())


def _exit_code(succeeds):
    try:
        return 0 if succeeds() else 3
    except BaseException:
        return 4


def _wait(child, seconds):
    """The exit code of a child process, which must end in time."""
    deadline = time.monotonic() + seconds
    while (status := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the child hangs")
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(status[1])


@pytest.mark.parametrize("instruction_set", ["portable", "avx2", "avx512"])
def test_every_instruction_set_gives_the_same_numbers(instruction_set, tmp_path):
    if instruction_set not in _core.config()["available_instruction_sets"]:
        pytest.skip(f"this processor has no {instruction_set}")
    forced = {"GOLDFISH_SIMD": instruction_set}
    shown = run_python("import goldfish as gf; gf.show_config()", **forced)
    assert f"instruction set: {instruction_set}" in shown
    file = tmp_path / "results.npz"
    subprocess.run([sys.executable, WORKLOAD, file], env=os.environ | forced, check=True, timeout=300)
    with np.load(file) as found:
        expected = results()
        assert set(found.files) == set(expected)
        for name, array in expected.items():
            assert error(found[name], array) <= (FLOAT64 if array.dtype == np.float64 else 2 * DEFAULT), name


def test_an_unknown_instruction_set_is_refused():
    done = subprocess.run(
        [sys.executable, "-c", "import goldfish"],
        env=os.environ | {"GOLDFISH_SIMD": "sse9"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "GOLDFISH_SIMD" in done.stderr
    assert "sse9" in done.stderr


def test_other_python_threads_run_during_a_call(rng):
    x, weight = rng.standard_normal((4, 64, 64, 64)), rng.standard_normal((64, 64, 3, 3))
    ticks, done = 0, threading.Event()

    def work():
        with contextlib.suppress(BaseException), gf.threads(1):
            for _ in range(3):
                gf.conv2d(x, weight, algorithm="direct")
        done.set()

    worker = threading.Thread(target=work)
    worker.start()
    while not done.is_set():
        time.sleep(0.001)
        ticks += 1
    worker.join()
    assert ticks >= 10


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_interrupt_acts_between_calls():
    # A test run in the background may have been told to ignore interrupts, and its children inherit that.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import numpy as np, goldfish as gf\n"
        "x, weight = np.ones((4, 16, 32, 32), 'f'), np.ones((16, 16, 3, 3), 'f')\n"
        "print('running', flush=True)\n"
        "while True: gf.conv2d(x, weight)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with child:
        assert child.stdout.readline() == "running\n"
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        try:
            _, stderr = child.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
    assert "KeyboardInterrupt" in stderr


class TestFloatingPoint:
    """Subnormals are computed as IEEE 754 says, and the caller's environment is never touched."""

    @staticmethod
    def subnormals_live():
        return bool(np.all(np.full(9, 1e-310) * 1.0 > 0) and np.all(np.full(9, 1e-40, np.float32) * np.float32(1) > 0))

    def test_environment_of_the_caller(self):
        def run():
            results()
            with contextlib.suppress(ValueError):
                gf.conv2d(np.ones((1, 3, 4, 4)), np.ones((1, 2, 3, 3)))
            return self.subnormals_live()

        with ThreadPoolExecutor(1) as pool:
            assert [self.subnormals_live(), run(), pool.submit(run).result(), self.subnormals_live()] == [True] * 4

    @pytest.mark.parametrize("dtype, small", [(np.float32, 1e-40), (np.float64, 1e-310)])
    def test_subnormals_are_computed(self, dtype, small):
        small = dtype(small)
        x = np.full((2, 16, 8, 8), small)
        assert np.all(gf.conv2d(x, np.eye(16, dtype=dtype)[:, :, None, None], algorithm="direct") == small)
        assert np.all(gf.max_pool2d(x, 2) == small)
        assert np.all(gf.avg_pool2d(x, 1) == small)
        assert np.all(gf.relu(x) == small)
        assert np.all(gf.linear(x, np.eye(8, dtype=dtype)) == small)
        with gf.threads(2):
            assert np.all(gf.max_pool2d(np.full((8, 16, 64, 64), small), 2) == small)


def test_show_config(capsys):
    gf.show_config()
    shown = capsys.readouterr().out
    assert gf.__version__ in shown
    for word in (
        "instruction set: ",
        f"threads: {gf.get_num_threads()}",
        "float32 precision: high",
        "retained bytes: ",
    ):
        assert word in shown, shown
