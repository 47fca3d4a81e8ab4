"""`python -m seco_core.cli` is `seco`."""

from seco_core.cli import main

if __name__ == "__main__":
    main()
