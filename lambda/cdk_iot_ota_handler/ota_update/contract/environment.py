"""The environment of a stack. AWS IoT knows only its own account and Region, so an update can refer to no other."""

from dataclasses import dataclass

from .limits import shown

OF_TARGETS = "AWS IoT updates things in its own account and Region only; declare the update there"
OF_ROLE = "AWS IoT assumes roles in its own account only; give the update one of these"
OF_CERTIFICATE = "AWS IoT has certificates in its own account and Region only; import the certificate there"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A partition, an account and a Region; None where unknown."""

    partition: str | None
    account: str | None
    region: str | None

    @classmethod
    def of(cls, arn: str) -> "Environment":
        """Return the environment of an ARN; a global one has no Region."""
        _, partition, _, region, account, _ = arn.split(":", 5)
        return cls(partition=partition, account=account, region=region)

    def check(self, name: str, arn: str, remedy: str) -> None:
        """Raise ValueError with name, value and remedy if an ARN is not in this environment."""
        other = Environment.of(arn)
        for word, own, got in (
            ("partition", self.partition, other.partition),
            ("account", self.account, other.account),
            ("Region", self.region, other.region),
        ):
            if own and got and own != got:
                raise ValueError(f"{name} must be in the stack's {word} {own}, got {shown(arn)}: {remedy}")
