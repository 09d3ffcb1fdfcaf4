"""What the constructs and the handler agree on; the only part of the handler that synth imports.

Only the standard library may be imported here.
"""
