"""`python -m tests.mutation`: how much of what can be changed in the core do the tests notice?"""

from __future__ import annotations

import argparse
import json
import os
import queue
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .equivalent import reason_of
from .points import Mutant, core_files, sample
from .reach import Reach, reach_of
from .running import Copy, Outcome, Verdict, within

ROOT = Path(__file__).resolve().parents[2]
_UNNOTICED = (Outcome.SURVIVED, Outcome.UNREACHED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 if the score is below what is asked for."""
    options = _parser().parse_args(arguments)
    chosen = [file for file in core_files(ROOT) if Path(file).is_relative_to(options.only.partition(":")[0] or ".")]
    line = int(options.only.partition(":")[2] or 0) or None
    mutants, points = sample(ROOT, chosen, options.sample, options.seed, line)
    print(f"{len(mutants)} mutants of {points} points in {len(chosen)} files, seed {options.seed}", flush=True)
    if options.show:
        for mutant in mutants:
            print(f"\n{mutant.kind}\n{mutant.diff}", end="")
        return 0
    reach = reach_of(ROOT, ROOT / "build" / "mutation", options.jobs, options.tests)
    folder = Path(tempfile.mkdtemp(prefix="mutation-"))
    try:
        verdicts = _judge(mutants, reach, folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    score = _report(verdicts, points, options)
    return int(score < options.at_least)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--sample", type=int, default=50, help="how many mutants (50)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (1)")
    parser.add_argument("--only", default="", metavar="PATH[:LINE]", help="a file or folder under the package")
    parser.add_argument("--tests", nargs="*", default=[], metavar="PATH", help="only these test files or folders")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once (one a core)")
    parser.add_argument("--budget", type=float, default=180, help="seconds of tests a mutant may cost (180)")
    parser.add_argument("--at-least", type=float, default=0, metavar="PERCENT", help="exit status 1 below this score")
    parser.add_argument("--report", type=Path, default=ROOT / "build" / "mutation.json", help="where the JSON goes")
    parser.add_argument("--show", action="store_true", help="print the mutants, run nothing")
    return parser


def _judge(mutants: Sequence[Mutant], reach: Reach, folder: Path, options: argparse.Namespace) -> list[Verdict]:
    copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    for number in range(options.jobs):
        copies.put(Copy(ROOT, folder / str(number)))

    def judge(mutant: Mutant) -> Verdict:
        if reason_of(mutant) is not None:
            return Verdict(mutant, Outcome.EQUIVALENT)
        tests = within(reach.tests_for(mutant), options.budget, reach.seconds)
        copy = copies.get()
        try:
            verdict = copy.judge(mutant, tests, reach.seconds)
        finally:
            copies.put(copy)
        _print(verdict)
        return verdict

    with ThreadPoolExecutor(options.jobs) as pool:
        verdicts = list(pool.map(judge, mutants))
    _confirm(verdicts, copies.get(), reach)
    return verdicts


def _confirm(verdicts: Sequence[Verdict], copy: Copy, reach: Reach) -> None:
    """A test that fails without the mutant as well has noticed nothing: say so."""
    killers = sorted({one.by for one in verdicts if one.outcome is Outcome.KILLED and "::" in one.by})
    while killers:
        run = copy.run(killers, 60 + 5 * reach.seconds(killers))
        if run.failed is None:
            return
        print(f"NOT SURE: {run.failed or 'a test'} fails on the unchanged code too", flush=True)
        if run.failed not in killers:
            return
        killers.remove(run.failed)


def _print(verdict: Verdict) -> None:
    mutant = verdict.mutant
    by = f" by {verdict.by}" if verdict.by else f" ({verdict.tests} tests)"
    print(
        f"{verdict.outcome.value:>9} {verdict.seconds:5.0f} s  {mutant.file}:{mutant.line} {mutant.kind}{by}",
        flush=True,
    )


def _report(verdicts: Sequence[Verdict], points: int, options: argparse.Namespace) -> float:
    """Print what nobody noticed and the score, and write the report."""
    for verdict in verdicts:
        if verdict.outcome in _UNNOTICED:
            print(
                f"\n{verdict.outcome.value}: {verdict.mutant.file}:{verdict.mutant.line}\n{verdict.mutant.diff}", end=""
            )
    counts = Counter(one.outcome for one in verdicts)
    told_apart = len(verdicts) - counts[Outcome.EQUIVALENT]
    noticed = counts[Outcome.KILLED] + counts[Outcome.TIMEOUT]
    score = 100 * noticed / told_apart if told_apart else 100.0
    print(
        f"\n{noticed} of {told_apart} noticed: {score:.0f} % ({counts[Outcome.TIMEOUT]} by a time-out; "
        f"{counts[Outcome.UNREACHED]} that no test reaches; {counts[Outcome.EQUIVALENT]} can't be told apart)"
    )
    report = {
        "seed": options.seed,
        "points": points,
        "score": round(score, 1),
        "counts": {outcome.value: counts[outcome] for outcome in Outcome},
        "mutants": [_as_json(one) for one in verdicts],
    }
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(json.dumps(report, indent=1, ensure_ascii=False), encoding="utf-8")
    return score


def _as_json(verdict: Verdict) -> dict[str, Any]:
    mutant = verdict.mutant
    return {
        "file": mutant.file,
        "line": mutant.line,
        "kind": mutant.kind,
        "before": mutant.before,
        "after": mutant.after,
        "outcome": verdict.outcome.value,
        "by": verdict.by,
        "tests": verdict.tests,
        "seconds": round(verdict.seconds, 1),
        "reason": reason_of(mutant) or "",
    }


if __name__ == "__main__":
    sys.exit(main())
