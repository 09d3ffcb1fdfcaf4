"""The pictures of the README and the guides, made from text and from real runs; `make pictures` remakes all of them."""
