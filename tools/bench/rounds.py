"""Commands that print reports like those of `vcoca-gpu bench --json`, run in turn."""

import json
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tables import figure, table


@dataclass
class Contender:
    name: str
    command: list[str]


class Rounds:
    """What all rounds found."""

    def __init__(self):
        # Contender and element type -> adapter, versions and so on.
        self.columns: dict[str, str] = {}
        # (row of the table, column) -> milliseconds, one a round.
        self.ms: dict[tuple[str, str], list[float]] = {}

    def median(self, row: str, column: str) -> float | None:
        found = self.ms.get((row, column))
        return statistics.median(found) if found else None

    def markdown(self) -> str:
        """A table, and a line for each column that tells what ran there."""
        rows = dict.fromkeys(row for row, _ in self.ms)
        cells = [[row, *(figure(self.median(row, column), 2) for column in self.columns)] for row in rows]
        told = "".join(f"- {column}: {text}\n" for column, text in self.columns.items())
        return f"{table(['', *self.columns], cells)}\n{told}"


def run(contender: Contender) -> dict:
    """The report of one run, in which nothing is wrong."""
    told = " ".join(contender.command)
    done = subprocess.run(contender.command, stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout:
        raise SystemExit(f"{told} ended with {done.returncode}")
    report = json.loads(done.stdout)
    for row in report["results"]:
        if not row.get("verified", True):
            raise SystemExit(f"{told}: {row['name']} {row['shape']} is wrong: {row['problem']}")
    return report


def compare(title: str, contenders: list[Contender], rows_of, count: int, out: Path | None) -> None:
    """Runs all so many times, every time in the other order than before, and prints a table. `rows_of`
    tells in which of its rows, if in any, a contender's result stands. Reports are kept in `out`."""
    rounds = Rounds()
    for turn in range(count):
        order = list(enumerate(contenders))
        for place, contender in order if turn % 2 == 0 else reversed(order):
            report = run(contender)
            if out:
                out.mkdir(parents=True, exist_ok=True)
                name = f"{contender.name} {place} {turn}".replace(" ", "-")
                (out / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n")
            versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
            told = f"{report['adapter']}, {report['driver']}, {report['backend']}; {versions}"
            for result in report["results"]:
                for row in rows_of(contender, result):
                    column = " ".join(filter(None, [contender.name, result["dtype"]]))
                    rounds.columns[column] = told
                    rounds.ms.setdefault((row, column), []).append(result["ms_median"])
    print(f"{title}; milliseconds\n\n{rounds.markdown()}", flush=True)
