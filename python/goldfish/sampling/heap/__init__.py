"""Heap profiles as samples: read, tabled with errors, compared, written."""

from goldfish.sampling.heap.frames import Frame
from goldfish.sampling.heap.parts import Calibration, Record
from goldfish.sampling.heap.profile import HeapProfile
from goldfish.sampling.heap.read import read_heap_profile
from goldfish.sampling.heap.table import Difference, Row

__all__ = ["Calibration", "Difference", "Frame", "HeapProfile", "Record", "Row", "read_heap_profile"]
