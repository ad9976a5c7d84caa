"""`python -m orchestration.cli`: the command line where the script `lifecycle` is not installed."""

from orchestration.cli.app import entry

if __name__ == "__main__":
    entry()
