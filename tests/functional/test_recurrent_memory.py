"""Memory of a call for training: bounded by inputs, outputs and what backward needs, the same in every window."""

import json
import subprocess
import sys

import pytest

MIB = 1 << 20

PROGRAM = """
import json
import numpy as np
import goldfish as gf
from goldfish import nn

def high_water():
    with open("/proc/self/status") as lines:
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

def run(x, parameters):
    y, _, cache = gf.lstm_forward(x, None, *parameters)
    nbytes = cache.nbytes
    gradients = gf.lstm_backward(y, None, cache)
    return nbytes, y.nbytes + sum(g.nbytes for g in gradients if g is not None)

gf.set_num_threads(2)
rng, hidden = np.random.default_rng(0), 256
draw = lambda *shape: rng.uniform(-0.06, 0.06, shape).astype(np.float32)
parameters = draw(4 * hidden, 65), draw(4 * hidden, hidden), draw(4 * hidden), draw(4 * hidden)
run(draw(2, 8, 65), parameters)
x = draw(128, 64, 65)
before = high_water()
cache, outputs = run(x, parameters)
once = high_water()
for _ in range(5):
    run(x, parameters)
inputs = x.nbytes + sum(value.nbytes for value in parameters)
print(json.dumps({"inputs": inputs, "outputs": outputs, "cache": cache, "grown": once - before,
                  "again": high_water() - once}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_training_stays_within_one_and_a_half_caches():
    text = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True).stdout
    found = json.loads(text)
    bound = found["inputs"] + found["outputs"] + 1.5 * found["cache"] + 2 * 16 * MIB
    assert found["grown"] <= bound, found
    assert found["again"] <= 4 * MIB, found
