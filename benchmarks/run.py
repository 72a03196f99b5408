"""All that is measured, or some of it: python -m benchmarks.run [--keep] [NAME ...]

Each NAME is a module of this package with CASES; without one, all are run. What is not installed is left out, and that
is said. `--keep` writes the figures to benchmarks/figures.json, and from them docs/benchmarks.md and its pictures.
"""

import sys
from importlib import import_module

from benchmarks import figures, measure, page, report
from benchmarks.page import NAMES


def main(arguments):
    names = [argument for argument in arguments if not argument.startswith("-")] or NAMES
    if wrong := [*(set(names) - {*NAMES}), *({*arguments} - {*names, "--keep"})]:
        raise SystemExit(f"There is no {', '.join(wrong)}: use --keep and names out of {', '.join(NAMES)}.")
    missed = []
    for name in names:
        print(f"\n## {name}\n", flush=True)
        results = []
        for case in import_module(f"benchmarks.{name}").CASES:
            results.append(measure.run(case))
            print(report.table(results[-1]), flush=True)
            missed += [f"{case.title}: {report.sentence(results[-1], claim)}" for claim in report.missed(results[-1])]
        if "--keep" in arguments:
            figures.keep(name, results)
            page.write(picture=name == "sizes")
    print("Missed:", *missed, sep="\n- ") if missed else print("All claims were kept.")


if __name__ == "__main__":
    main(sys.argv[1:])
