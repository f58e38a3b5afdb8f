"""A run of fromnoise under PyTorch's distributed engine: docs/scale.md. What is not here is refused by name, before the first step."""

class Refused(Exception):
    """Ends the program with its message and code 2."""

def refuse(field, value, allowed):
    raise Refused(f"{field}: {value!r} is not here\n  allowed  {allowed}\n  hint     fromnoise train --resume has it, on one machine")

def one_of(field, value, allowed):
    if value not in allowed:
        refuse(field, value, ", ".join(repr(other) for other in allowed))
