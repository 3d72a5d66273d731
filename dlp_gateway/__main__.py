"""`python -m dlp_gateway` is `dlp-gateway`."""

from dlp_gateway.cli import main

main(prog_name="dlp-gateway")
