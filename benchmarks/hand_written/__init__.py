"""The handler of the hand-written Provider that the benchmarks compare with."""
