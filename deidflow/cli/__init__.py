"""The command line. One module a command; each imports what it needs when it is called."""

from __future__ import annotations

import os
import sys

from cyclopts import App, CycloptsError

from deidflow.version import __version__

app = App(
    name="deidflow",
    help="From raw DICOM subjects to a release that can be shared: headers, faces and identities removed.",
    version=__version__,
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
)
app.command("deidflow.cli.run:run", name="run")
app.command("deidflow.cli.anonymize:anonymize", name="anonymize")
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


def main() -> None:
    """Run the command of the arguments; errors are one line, exit codes those of the documentation."""
    from deidflow.cli.versions import is_verbose_version, version_lines
    from deidflow.errors import DeidflowError

    if is_verbose_version(sys.argv[1:]):
        print("\n".join(version_lines()))
        return

    try:
        code = app(exit_on_error=False, print_error=False)
    except CycloptsError as error:
        print(f"deidflow: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except DeidflowError as error:
        print(f"deidflow: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        from deidflow.store.faults import explanation

        words, code = explanation(error)
        print(f"deidflow: {words}", file=sys.stderr)
        sys.exit(code)
    except KeyboardInterrupt:
        print("deidflow: stopped; run the same command again to carry on", file=sys.stderr)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
