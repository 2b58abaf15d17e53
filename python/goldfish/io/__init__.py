"""Weights and networks in files: our own, safetensors, and PyTorch's.

`save` writes a network with its architecture, `load` makes it again, `load_torch_state` reads the weights of a PyTorch
model without PyTorch, `load_idx` the arrays of the MNIST data sets. Nothing that is read is ever executed, sizes are
compared with the file's before memory is taken, and what is wrong with a file is a `FileFormatError`.

>>> import tempfile, pathlib, numpy as np
>>> from goldfish import io, nn
>>> model = nn.Sequential(nn.Linear(3, 8, rng=0), nn.ReLU(), head=nn.Linear(8, 2, rng=0))
>>> path = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
>>> io.save(model, path)
>>> again, x = io.load(path), np.ones((1, 3), np.float32)
>>> again, bool((again(x) == model(x)).all())
(Sequential(Linear(3, 8), ReLU(), head=Linear(8, 2)), True)
"""

from goldfish.io.idx import load_idx
from goldfish.io.network import load, load_metadata, save
from goldfish.io.torch_state import load_torch_state
from goldfish.nn.files import FileFormatError

__all__ = ["save", "load", "load_metadata", "load_torch_state", "load_idx", "FileFormatError"]
