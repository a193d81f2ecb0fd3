"""`python -m rcmvae`."""

from rcmvae.cli import main

main()
