"""Where a stack is. AWS IoT knows what is in its own account and Region, so an update can name nothing else."""

from dataclasses import dataclass

from .limits import shown

OF_TARGETS = "AWS IoT updates things of its own account and Region only; declare the update there"
OF_ROLE = "AWS IoT assumes roles of its own account only; give the update one of these"
OF_UPDATE = "an update is known in its own account and Region only; import it in a stack there"
OF_CERTIFICATE = "AWS IoT has certificates of its own account and Region only; import the certificate there"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A partition, an account and a Region, each as far as it is known."""

    partition: str | None
    account: str | None
    region: str | None

    @classmethod
    def of(cls, arn: str) -> "Environment":
        """Where an ARN is; a global one has no Region."""
        _, partition, _, region, account, _ = arn.split(":", 5)
        return cls(partition=partition, account=account, region=region)

    def check(self, name: str, arn: str, why: str) -> None:
        """Raise ValueError with name, value and remedy if an ARN is somewhere else than this stack."""
        there = Environment.of(arn)
        for word, here, got in (
            ("partition", self.partition, there.partition),
            ("account", self.account, there.account),
            ("Region", self.region, there.region),
        ):
            if here and got and here != got:
                raise ValueError(f"{name} must be in the stack's {word} {here}, got {shown(arn)}: {why}")
