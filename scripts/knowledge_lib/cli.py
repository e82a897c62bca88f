"""The command line of the generators."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import cycles, lifecycle, modules, removals, support
from .errors import GeneratorError

DATA = Path(__file__).resolve().parents[2] / "src/shipkeeper/knowledge/data"


def main(argv: list[str] | None = None) -> int:
    """Run a generator; exit code 0 when its file was written, 1 when it could not be, 3 when a tool is missing."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except GeneratorError as error:
        print(f"knowledge: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/knowledge", description=__doc__)
    verbs = parser.add_subparsers(required=True)

    made = verbs.add_parser("support", help="support dates from endoflife.date and the supplement")
    made.add_argument(
        "--endoflife", type=Path, action="append", required=True, metavar="DIR", help="a copy, any layout"
    )
    made.add_argument("--retrieved", required=True, metavar="DAY", help="the day of that copy (YYYY-MM-DD)")
    made.add_argument("--issued", required=True, metavar="DAY", help="the day of the file that is made")
    made.add_argument("--supplement", type=Path, default=support.SUPPLEMENT, metavar="FILE")
    made.add_argument("--out", type=Path, default=DATA / "support.json", metavar="FILE")
    made.set_defaults(run=_support)

    rows = verbs.add_parser("cycles", help="rows for the supplement from a git checkout's tags")
    rows.add_argument("checkout", type=Path)
    rows.add_argument("--pattern", default=r"v?(\d+)\.(\d+)\.(\d+)", help="what a release's tag looks like")
    rows.set_defaults(run=lambda args: print("\n".join(f"- {row}" for row in cycles.rows(args.checkout, args.pattern))))

    gone = verbs.add_parser("removals", help="removed APIs from Kubernetes' API modules, fetched by go")
    gone.add_argument("--first", type=int, default=19, metavar="MINOR", help="oldest minor (default 19)")
    gone.add_argument("--last", type=int, required=True, metavar="MINOR", help="newest minor")
    gone.add_argument("--retrieved", required=True, metavar="DAY", help="today (YYYY-MM-DD)")
    gone.add_argument("--out", type=Path, default=DATA / "removals.json", metavar="FILE")
    gone.set_defaults(run=_removals)
    return parser


def _support(args: argparse.Namespace) -> None:
    from shipkeeper.knowledge.support import read_support
    from shipkeeper.model.errors import BadInput

    document = support.build(args.endoflife, args.retrieved, args.issued, support.read_supplement(args.supplement))
    text = support.write(document, "products")
    try:
        read = read_support(text.encode(), str(args.out))
    except BadInput as error:
        raise GeneratorError(str(error)) from error
    args.out.write_text(text)
    lines = sum(len(row.cycles) for row in read.products)
    print(f"{args.out}: {len(read.products)} products, {lines} release lines, {len(text)} bytes")


def _removals(args: argparse.Namespace) -> None:
    from shipkeeper.knowledge.removals import read_removals
    from shipkeeper.model.errors import BadInput

    tags = [lifecycle.read_tag(minor, folder) for minor, folder in modules.tags(range(args.first, args.last + 1))]
    beside = [lifecycle.read_tag(args.last, folder, "pkg/apis/*/*/register.go") for folder in modules.others(args.last)]
    text = support.write(removals.build(tags, beside, args.retrieved), "rows")
    try:
        read = read_removals(text.encode(), str(args.out))
    except BadInput as error:
        raise GeneratorError(str(error)) from error
    args.out.write_text(text)
    print(f"{args.out}: {len(read.rows)} kinds with a removal, up to {read.newest}, {len(text)} bytes")
