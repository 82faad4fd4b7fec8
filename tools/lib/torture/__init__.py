"""The parts of tools/torture that drive the real program."""
