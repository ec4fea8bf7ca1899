"""The command line: one module per command; each imports what it needs when it is called."""

from __future__ import annotations

import os
import sys

from cyclopts import App, CycloptsError

from deidflow.version import __version__

app = App(
    name="deidflow",
    help="From raw DICOM subjects to a release that can be shared: "
    "headers, faces and identities removed.",
    version=__version__,
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
)
app.command("deidflow.cli.run:run", name="run")
app.command("deidflow.cli.anonymize:anonymize", name="anonymize")
app.command("deidflow.cli.verify:verify", name="verify")
app.command("deidflow.cli.show:show", name="show")
app.command("deidflow.cli.profile:profile", name="profile")
app.command("deidflow.cli.vault:vault", name="vault")
app.command("deidflow.cli.plan:plan", name="plan")
app.command("deidflow.cli.status:status", name="status")
app.command("deidflow.cli.report:report", name="report")
app.command("deidflow.cli.review:review", name="review")
app.command("deidflow.cli.serve:serve", name="serve")
app.command("deidflow.cli.ui:ui", name="ui")
app.command("deidflow.cli.demo:demo", name="demo")
app.command("deidflow.cli.demographics:tables", name="tables")
app.command("deidflow.cli.organize:organize", name="organize")
app.command("deidflow.cli.bids:bids", name="bids")
app.command("deidflow.cli.init:init", name="init")
app.command("deidflow.cli.bundle:bundle", name="bundle")
app.command("deidflow.cli.withdraw:withdraw", name="withdraw")
app.command("deidflow.cli.fetch:fetch", name="fetch")
app.command("deidflow.cli.receive:receive", name="receive")
app.command("deidflow.cli.send:send", name="send")


_WRONG_ARGUMENTS = 2
_INTERRUPTED = 130


def main() -> None:
    """Run the command in the arguments; an error is one line, exit codes are documented."""
    from deidflow.cli.versions import is_verbose_version, version_lines

    arguments = sys.argv[1:]
    if is_verbose_version(arguments):
        print("\n".join(version_lines()))
        return
    sys.exit(_run_command(arguments))


def _run_command(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    from deidflow.errors import DeidflowError

    try:
        code = app(
            arguments,
            exit_on_error=False,
            print_error=False,
        )
    except CycloptsError as error:
        words = str(error).split()
        return _fail(" ".join(words), _WRONG_ARGUMENTS)
    except DeidflowError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        _discard_output()
        return 0
    except Exception as error:  # noqa: BLE001 - the last guard of a command: words, no traceback
        return _fail_unexpectedly(error)
    except KeyboardInterrupt:
        return _fail(
            "stopped; run the same command again to carry on",
            _INTERRUPTED,
        )
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int) -> int:
    print(f"deidflow: {message}", file=sys.stderr)
    return code


def _fail_unexpectedly(error: Exception) -> int:
    from deidflow.store.faults import explanation

    message, code = explanation(error)
    return _fail(message, code)


def _discard_output() -> None:
    """Nobody reads standard output any more: let Python flush it into nothing."""
    null_device = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null_device, sys.stdout.fileno())
