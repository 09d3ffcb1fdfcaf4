"""Policy statements, policies, and roles that know how much IAM lets them hold."""
