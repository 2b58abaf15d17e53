"""Import every module: pytest would run doctests in its own copy of one that nobody has imported yet."""

import importlib
import pkgutil

import goldfish

for module in pkgutil.walk_packages(goldfish.__path__, "goldfish."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
