"""What every room of the constructs shares at synth: checks, names, tags, and CloudFormation's intrinsics."""
