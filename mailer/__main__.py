"""`mailer` and `python -m mailer`."""

from mailer.cli import cli


def main() -> None:
    cli.main()


if __name__ == "__main__":
    main()
