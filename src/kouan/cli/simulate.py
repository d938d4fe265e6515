"""``kouan simulate``: a port's day from a seed, written out and played with an auditor watching."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column, Table

from kouan.cli.output import REFUSED, UNUSABLE, Lang, show_unusable

if TYPE_CHECKING:  # loaded when it is played: it needs every module and format
    from kouan.simulation.day.play import Summary
    from kouan.simulation.day.script import About
    from kouan.simulation.day.tally import Met, Tried

Say = Callable[[str, str], str]
app: Final = typer.Typer(pretty_exceptions_enable=False)


@app.command(
    "simulate",
    epilog="Examples: kouan simulate --seed 7 --declarations 200 --out day · kouan simulate --run day · "
    "kouan simulate --run day --json",
)
def simulate(
    ctx: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write messages, papers and script into this new directory."),
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="Play what such a directory holds on a new ledger.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same files everywhere.")] = 1,
    declarations: Annotated[int, typer.Option("--declarations", min=1, max=100_000, help="How many to declare.")] = 200,
    fraud_rate: Annotated[
        int, typer.Option("--fraud-rate", min=0, max=100, help="Of how many loans in a hundred a fraud is made.")
    ] = 20,
    ledger: Annotated[
        Path | None,
        typer.Option("--ledger", metavar="DIR", help="With --run: keep the ledger in this new port directory."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    lang: Annotated[Lang, typer.Option("--lang", envvar="KOUAN_LANG", help="The language of the summary.")] = "en",
) -> None:
    """Write a port's day from a seed, or play one.

    Honest events must be accepted, frauds refused by the ledger or told by the evaluator, and every receipt and figure
    must be what an auditor with rules of its own predicted: else the exit code is 1. All keys follow from the seed:
    such a ledger is for nothing real.
    """
    if (out is None) == (run is None):
        problem = ValueError("simulate: give either --out, to write a simulation, or --run, to play one")
        show_unusable(problem, lang, as_json=as_json)
        raise typer.Exit(UNUSABLE)
    try:
        _check_given(ctx, ("ledger",) if run is None else ("seed", "declarations", "fraud_rate"))
        if out is not None:
            _write(out, seed, declarations, fraud_rate, lang, as_json=as_json)
        summary = None if run is None else _play(run, ledger, as_json=as_json)
    except (OSError, ValueError) as problem:
        show_unusable(problem, lang, as_json=as_json)
        raise typer.Exit(UNUSABLE) from None
    if summary is not None:
        _show_summary(summary, lang, as_json=as_json)
        if not summary.ok:
            raise typer.Exit(REFUSED)


def _check_given(ctx: typer.Context, idle: tuple[str, ...]) -> None:
    """Refuse options that would change nothing."""
    for name in idle:
        source = ctx.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = f"--{name.replace('_', '-')}"
            if option == "--ledger":
                raise ValueError("--ledger: goes with --run; --out plays nothing")
            raise ValueError(f"{option}: goes with --out; --run plays what its directory was written with")


def _write(out: Path, seed: int, declarations: int, fraud_rate: int, lang: Lang, *, as_json: bool) -> None:
    from kouan.simulation.day.generate import write  # noqa: PLC0415  # see above

    if out.exists() and any(out.iterdir()):
        raise ValueError(f"--out: {out} is not empty; give a new directory")
    about = write(out, seed, declarations, fraud_rate * 100)
    if as_json:
        sys.stdout.write(msgspec.json.encode(about).decode() + "\n")
        return
    _console().print(_written(about, out, lang), soft_wrap=True)


def _written(about: About, out: Path, lang: Lang) -> str:
    frauds = sum(about.frauds.values())
    if lang == "zh":
        return f"已写入 {out}：{about.declarations} 份报关单，{frauds} 起欺诈。运行：kouan simulate --run {out}"
    return f"{out}: {about.declarations} declarations, {frauds} frauds. Play it: kouan simulate --run {out}"


def _play(run: Path, ledger: Path | None, *, as_json: bool) -> Summary:
    from kouan.simulation.day.play import play  # noqa: PLC0415  # see above

    if ledger is not None and ledger.exists() and any(ledger.iterdir()):
        raise ValueError(f"--ledger: {ledger} is not empty; give a new directory")
    console = Console(file=sys.stderr if as_json else sys.stdout, markup=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with ExitStack() as stack:
        directory = ledger or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kouan-")))
        progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        stack.enter_context(progress)
        task = progress.add_task(str(run), total=None)
        return play(run, directory, lambda done, of: progress.update(task, completed=done, total=of))


def _show_summary(summary: Summary, lang: Lang, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
        return

    def say(english: str, chinese: str) -> str:
        return chinese if lang == "zh" else english

    console = _console()
    console.print(_frauds(summary.frauds, say))
    console.print(_lookalikes(summary.lookalikes, say))
    yes, no = say("yes", "是"), say("no", "否")
    facts = Table.grid(padding=(0, 2))
    for name, value in (
        (say("Declarations", "报关单"), str(summary.declarations)),
        (say("Commands", "指令"), str(summary.commands)),
        (say("Blocks", "区块"), str(summary.blocks)),
        (say("Receipts predicted", "审计预测回执"), str(summary.receipts_predicted)),
        (say("Predicted wrongly", "预测不符"), str(summary.receipts_wrong)),
        (say("Other differences", "其他差异"), str(len(summary.differences))),
        (say("Honest events refused", "正当业务被拒"), str(len(summary.innocent_refused))),
        (say("Conserved", "额度守恒"), yes if summary.conserved else no),
        (say("Commands a second", "每秒指令"), str(summary.commands_per_second)),
        (say("State root", "状态根"), summary.state_root),
        (say("All app hashes", "全部应用哈希"), summary.hashes),
        (say("Shown to the evaluator", "提交比对"), str(summary.shown)),
        (say("Other false alarms", "其他误报"), str(summary.told_otherwise)),
    ):
        facts.add_row(name, value)
    console.print(facts)
    for difference in summary.differences:
        console.print(f"{difference}", style="red")
    for refused in summary.innocent_refused:
        console.print(refused, style="red")
    passed = [kind for kind, count in summary.frauds.items() if count.stopped < count.tried]
    if passed:
        console.print(say("Frauds that passed: ", "漏过的欺诈：") + ", ".join(passed), style="red")


def _frauds(counts: dict[str, Tried], say: Say) -> Table:
    table = Table(
        Column(say("Fraud", "欺诈"), no_wrap=True),
        say("tried", "尝试"),
        say("refused", "拒绝"),
        say("to review", "待复核"),
        say("told", "提示"),
        say("passed", "漏过"),
    )
    last = ""
    for name, count in counts.items():
        kind, _, way = name.partition("/")
        if way and kind != last:
            table.add_row(kind)  # on a line of its own, so that the figures fit 80 columns
        last = kind
        passed = count.tried - count.stopped
        figures = map(str, (count.tried, count.refused, count.to_review, count.told, passed))
        table.add_row(f"  {way}" if way else kind, *figures, style="red" if passed else "")
    return table


def _lookalikes(counts: dict[str, Met], say: Say) -> Table:
    table = Table(
        Column(say("Honest look-alike", "相似的正当业务"), no_wrap=True),
        say("met", "出现"),
        say("accepted", "受理"),
        say("cleared", "经复核放行"),
    )
    for name, count in counts.items():
        figures = map(str, (count.met, count.accepted, count.told))
        table.add_row(name, *figures, style="" if count.met == count.accepted else "red")
    return table


def _console() -> Console:
    return Console(markup=False, highlight=False, emoji=False)
