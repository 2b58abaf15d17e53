"""What a measured row says: the best peer, the floor that applies, and whether it is met."""

from dataclasses import dataclass
from typing import Any

# Peers whose tensors we do not get as they lie, and NumPy, have their own columns.
LAID_OUT = "torch channels_last"
OTHERS = ("goldfish", LAID_OUT, "NumPy")

FAULTING = 500
LAID_OUT_FLOOR = 1.0
NARROW_FLOOR = 0.75


@dataclass(frozen=True)
class Verdict:
    """A row's ratio to its best peer, and the floor for it, where there is one."""

    peer: str
    ratio: float
    floor: float | None

    @property
    def lost(self) -> bool:
        """Whether the peer is faster."""
        return self.ratio < 1.0

    @property
    def missed(self) -> bool:
        """Whether the ratio is below its floor."""
        return self.floor is not None and self.ratio < self.floor


def against_best(record: dict[str, Any], simd: str = "native") -> Verdict:
    """Judge the row against the fastest peer on the arrays as they come."""
    peers = {name: figures for name, figures in record["contenders"].items() if name not in OTHERS}
    peer = min(peers, key=lambda name: peers[name]["ratio"])
    target = record["target"]
    faulting = "faults" in target and peers[peer]["faults"] > FAULTING
    floor = target.get("faults" if faulting else "floor")
    if floor is not None and simd == "avx2":
        floor *= NARROW_FLOOR
    return Verdict(peer, peers[peer]["ratio"], floor)


def against_layout(record: dict[str, Any]) -> Verdict | None:
    """Judge the row against torch on tensors that lie in channels_last already."""
    figures = record["contenders"].get(LAID_OUT)
    return None if figures is None else Verdict(LAID_OUT, figures["ratio"], LAID_OUT_FLOOR)


def verdicts(record: dict[str, Any], simd: str = "native") -> list[Verdict]:
    """Return every judgement of the row that has a floor."""
    found = [against_best(record, simd), against_layout(record)]
    return [verdict for verdict in found if verdict is not None and verdict.floor is not None]
