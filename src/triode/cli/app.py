"""The commands in one place, and how errors reach a person: one line, and an exit status."""

import errno
import sys

import typer

from triode import __version__
from triode.cli import capturing, comparing, demo, learn, listening, playing, recording, stage, suggesting
from triode.cli.console import complain
from triode.errors import TriodeError

app = typer.Typer(
    help="Triode learns the sound of a guitar amp or pedal from a recording and plays it in real time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"triode {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


app.command()(demo.demo)
app.command()(recording.signal)
app.command()(capturing.plan)
app.command()(capturing.capture)
app.command()(recording.check)
app.command()(capturing.pack)
app.command()(capturing.unpack)
app.command()(learn.train)
app.command()(learn.evaluate)
app.command()(suggesting.suggest)
app.command()(comparing.compare)
app.command()(listening.listen)
app.command()(listening.abx)
app.command()(playing.render)
app.command()(stage.play)
app.command()(playing.info)
app.command()(playing.models)
app.command()(playing.convert)
app.command()(playing.bench)


def run() -> None:
    """Run the command line and exit."""
    try:
        app(prog_name="triode")
    except TriodeError as error:
        complain(str(error))
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        complain("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; there is nobody to tell.
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        complain(f"{error.strerror}: {error.filename or 'the disk'}; free some space and try again")
        sys.exit(1)
    except MemoryError:
        complain("out of memory; use shorter files or a smaller model")
        sys.exit(1)
