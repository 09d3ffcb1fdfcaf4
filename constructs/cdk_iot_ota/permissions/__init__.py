"""What the updates of a stack may do: policies, and who gets them."""
