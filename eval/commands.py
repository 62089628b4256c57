"""The command `eval`, whose words each evaluation reads itself."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from index.commandline import Commands

#: Evaluations of their own: an option -> the module whose `main` gets the other words.
EVALUATIONS = {
    "--checker": "eval.checker",
    "--judge-agreement": "eval.agreement",
    "--check-gold": "eval.check_gold",
    "--make-gold": "eval.make_gold",
    "--robustness": "eval.robustness",
}


def add(commands: Commands) -> None:
    """Name the command in the help; its words go to `run_eval` as they are."""
    commands.add_parser(
        "eval",
        help="run gold questions and report the figures; with --checker, those of the checker",
    )


def run_eval(words: Sequence[str]) -> int:
    """`wirecheck eval`: gold questions, or one of the evaluations of their own."""
    # Its words as they are: argparse.REMAINDER refuses a remainder that begins with an option.
    chosen = next((word for word in words if word in EVALUATIONS), None)
    module = import_module(EVALUATIONS.get(chosen or "", "eval.main"))
    code: int = module.main([word for word in words if word != chosen])
    return code
