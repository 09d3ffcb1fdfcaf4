"""Helpers that every part of the constructs uses at synth: checks, names, tags, and CloudFormation intrinsics."""
