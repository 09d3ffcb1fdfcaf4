"""Policy statements, policies, and roles that check IAM's size limits."""
