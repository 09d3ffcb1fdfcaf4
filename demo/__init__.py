"""The demo behind `make demo`: the example apps deployed to local AWS, with simulated devices."""
