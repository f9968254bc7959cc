"""The command line: parse, call, print. Everything it does is done by the library."""

__all__ = ["main"]


def main() -> None:
    """Run the command line; the exit status is 0 done, 1 the work failed, 2 the request is wrong."""
    from triode.cli.app import run

    run()
