"""How long ``shipkeeper --version`` takes, beside a bare interpreter that imports nothing.

Whole processes, in turn (A B A B …), CPU time of the child; prints the median of the ratios pair by pair.
Goal: at most 10 times a bare interpreter.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

PAIRS = 21
ROOT = Path(__file__).resolve().parent.parent


def cpu_seconds(argv: list[str]) -> float:
    """User and system CPU seconds of one process."""
    before = os.times()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def main() -> None:
    """Measure and print."""
    ours = [sys.executable, "-m", "shipkeeper", "--version"]
    bare = [sys.executable, "-c", "pass"]
    cpu_seconds(ours), cpu_seconds(bare)  # warm the page cache
    pairs = [(cpu_seconds(ours), cpu_seconds(bare)) for _ in range(PAIRS)]
    # os.times ticks in hundredths of a second, so single runs are coarse: compare the sums.
    ratio = sum(a for a, _ in pairs) / max(sum(b for _, b in pairs), 1e-9)
    result = {
        "shipkeeper --version, CPU s (mean)": round(statistics.mean(a for a, _ in pairs), 4),
        "python -c pass, CPU s (mean)": round(statistics.mean(b for _, b in pairs), 4),
        "ratio": round(ratio, 2),
        "goal": "<= 10",
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
