"""Import every module, so that doctests run in the modules that users see: pytest would load a copy of one that is new."""

import importlib
import pkgutil

import goldfish

for module in pkgutil.walk_packages(goldfish.__path__, "goldfish."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
