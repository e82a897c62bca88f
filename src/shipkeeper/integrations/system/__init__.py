"""The machine we run on: its clocks and loop (asyncio), its randomness, and commands without a shell."""
