"""What administrators reach by HTTP; the only door to starlette and uvicorn."""
