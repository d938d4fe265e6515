"""``kouan demo``: a day of the port, played on this machine from one seed."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.rule import Rule

from kouan.cli.output import REFUSED, UNUSABLE, Lang, show_unusable

if TYPE_CHECKING:  # the story is loaded when it is played: it needs every desk and every format
    from kouan.simulation.port import SeededPort
    from kouan.simulation.story import Shown, Summary

app: Final = typer.Typer(pretty_exceptions_enable=False)
WIDTH: Final = 110
Engine = Literal["embedded", "cometbft"]
_STEPS: Final = {
    "prepare": ("Reading and sealing declarations", "读取并封装报关单"),
    "deliver": ("Delivering slips to their owners", "向企业送达回执"),
    "lend": ("Lending", "办理融资"),
    "send": ("Sending commands while a node is killed", "节点被终止期间持续发送"),
    "verify": ("Verifying proofs in other processes", "独立进程核验证明"),
}


@app.command(
    "demo",
    epilog="Examples: kouan demo · kouan demo --lang zh · kouan demo --port demo --seed 7 · kouan demo --json · "
    "kouan demo --engine cometbft",
)
def demo(
    port: Annotated[
        Path | None,
        typer.Option("--port", metavar="DIR", help="Play in this new directory and keep it; else in a temporary one."),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(
            "--engine", help="Who runs the ledger: one operator, or four members' nodes, of which one is killed."
        ),
    ] = "embedded",
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed makes the same ledger everywhere.")] = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON on one line; the story goes to standard error.")
    ] = False,
    lang: Annotated[Lang, typer.Option("--lang", envvar="KOUAN_LANG", help="The language of the story.")] = "en",
) -> None:
    """Play a day of the port: founding, declarations, a loan, what comes up later, a crash, proofs.

    With `--engine cometbft` real nodes run the ledger, with random keys and by the machine's clock, so what lies days
    apart is left out, and the same seed makes another ledger each time.

    Every figure comes from the ledger, and what the story expects is checked: the exit code is 1 when anything differs.
    All keys follow from the seed: never use such a port for anything real.
    """
    with ExitStack() as stack:
        directory = port or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kouan-"))) / "port"
        try:
            summary = _play(directory, seed, lang, engine, as_json=as_json)
        except (OSError, ValueError) as problem:
            show_unusable(problem, lang, as_json=as_json)
            raise typer.Exit(UNUSABLE) from None
    _conclude(summary, port, lang, engine, as_json=as_json)
    if not summary.ok:
        raise typer.Exit(REFUSED)


def _play(directory: Path, seed: int, lang: Lang, engine: Engine, *, as_json: bool) -> Summary:
    from kouan.simulation.network_story import play_on_network  # noqa: PLC0415  # see above
    from kouan.simulation.pages import page_of  # noqa: PLC0415  # see above
    from kouan.simulation.pages.parts import Say  # noqa: PLC0415  # see above
    from kouan.simulation.story import play  # noqa: PLC0415  # see above

    console = _console(as_json=as_json)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    tasks: dict[str, TaskID] = {}

    def watch(step: str, done: int, of: int) -> None:
        if step not in tasks:
            tasks[step] = progress.add_task(_STEPS[step][lang == "zh"], total=of)
        progress.update(tasks[step], completed=done, visible=done < of)

    def on_scene(port: SeededPort, shown: Shown) -> None:
        for part in page_of(Say(lang, port.names), shown):
            console.print(part)

    with progress:
        return (play if engine == "embedded" else play_on_network)(directory, seed, on_scene, watch)


def _conclude(summary: Summary, port: Path | None, lang: Lang, engine: Engine, *, as_json: bool) -> None:
    from kouan.simulation.cast import LENDER  # noqa: PLC0415  # see above
    from kouan.simulation.pages.parts import facts  # noqa: PLC0415  # see above

    console = _console(as_json=as_json)

    def say(english: str, chinese: str) -> str:
        return chinese if lang == "zh" else english

    console.print(Rule(say("Summary", "小结")))
    console.print(
        facts(
            (say("Declarations attested", "核证报关单"), str(summary.declarations)),
            (say("Loans paid out", "放款融资"), str(summary.financings)),
            (say("Double financing refused", "拒绝重复融资"), str(summary.refused_double_financings)),
            (say("Proofs verified elsewhere", "独立核验证明"), str(summary.proofs_verified)),
            (
                say("Expectations met", "符合预期"),
                f"{summary.expectations - len(summary.failed)}/{summary.expectations}",
            ),
            (say("Height", "账本高度"), str(summary.height)),
            (say("State root", "状态根"), summary.state_root),
            (say("Seconds", "用时（秒）"), f"{summary.seconds:.1f}"),
        )
    )
    for failed in summary.failed:
        console.print(say("Not met: ", "不符预期：") + failed, style="red")
    if port is None:
        kept = say(
            "The port was a temporary one and is removed, with its papers. Keep it with: kouan demo --port DIR",
            "本次使用临时目录，现已连同单据删除。如需保留：kouan demo --port DIR",
        )
    else:
        up = f"kouan network up {port}; " if engine == "cometbft" else ""
        look = f"{up}kouan financing list --port {port} --as {LENDER}"
        kept = say(f"The port is kept. Look around in it: {look}", f"端口目录已保留，可继续查看：{look}")
    console.print(kept, soft_wrap=True)
    if as_json:
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")


def _console(*, as_json: bool) -> Console:
    """Return where the story goes: standard output, unless that is the summary's."""
    file = sys.stderr if as_json else sys.stdout
    console = Console(file=file, markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console = Console(file=file, markup=False, highlight=False, emoji=False, width=WIDTH)
    return console
