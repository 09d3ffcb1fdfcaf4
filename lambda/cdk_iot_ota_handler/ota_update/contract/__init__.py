"""The agreement between the constructs and the handler, and the only part of the handler that synth imports.

Only the standard library may be imported here.
"""
