"""The tables of matrix instructions, one row each: ``nvidia.py``, ``amd.py``, ``cpu.py`` (Intel, Arm).

To add an instruction, add a row; ``nfloat/linalg/units/names.py`` gathers them, and the directed and golden tests pick
it up by name.
"""
