"""Named digests of what nfloat computes: the same on every machine, or something is wrong.

    python tests/digests/digests.py              compare this machine with digests.json; exit code 1 if any differs
    python tests/digests/digests.py unit drift   those whose name begins so
    python tests/digests/digests.py --write      make digests.json anew, after a change that is meant to change results

``bench/same_bits.py`` compares on other CPUs, versions and settings. What each digest covers stands in the other files.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import digest_blocks
import digest_products
import digest_training
import digest_values
from digest_inputs import Named

KNOWN = Path(__file__).with_name("digests.json")


def named(prefixes: Iterable[str] = ()) -> Iterator[Named]:
    """Every digest, or those whose name begins with one of the prefixes."""
    chosen = tuple(prefixes)
    for module in (digest_values, digest_products, digest_blocks, digest_training):
        yield from (entry for entry in module.digests() if not chosen or entry[0].startswith(chosen))


def known() -> dict[str, str]:
    """The digests that hold."""
    return json.loads(KNOWN.read_text())


def differing(prefixes: Iterable[str] = (), log: bool = False) -> list[str]:
    """Names of the digests that are not as they should be."""
    right, wrong = known(), []
    for name, compute in named(prefixes):
        start = time.perf_counter()
        if compute() != right.get(name):
            wrong.append(name)
        if log:
            print(
                f"{name}: {'DIFFERS' if name in wrong else 'equal'}, {time.perf_counter() - start:.1f} s",
                file=sys.stderr,
                flush=True,
            )
    return wrong


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("prefixes", nargs="*", help="compare only digests whose names begin so")
    parser.add_argument("--write", action="store_true", help="write digests.json instead of comparing")
    parser.add_argument("--verbose", action="store_true", help="a line on stderr for each")
    arguments = parser.parse_args()
    if arguments.write:
        KNOWN.write_text(json.dumps({name: compute() for name, compute in named()}, indent=0) + "\n")
        return 0
    wrong = differing(arguments.prefixes, arguments.verbose)
    count = sum(1 for _ in named(arguments.prefixes))
    print(f"{count} digests, {len(wrong)} differ" + "".join(f"\n{name}" for name in wrong))
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
