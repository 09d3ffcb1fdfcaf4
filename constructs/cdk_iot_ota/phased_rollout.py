"""One firmware for one group of devices after the other, each after the one before has proven it."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import limits

from ._synth import checks
from .ota_update import OtaUpdate
from .permissions.service_role import OtaServiceRole
from .provider.ota_update_provider import OtaUpdateProvider
from .request.ota_file import OtaFile
from .request.ota_target import OtaTarget
from .request.rollout import AbortCriterion, Protocol, RolloutRate
from .request.rollout_gate import RolloutGate


class Phase:
    """A group of devices that a phased rollout reaches at the same time.

    :param name: the id of the phase's update in the rollout: 1 to 64 of ``a-z A-Z 0-9 _ -``. Another name is another
        update, which pushes the firmware to the phase's devices again.
    :param targets: ``targets``: 1 to 100 things and thing groups, in no other phase.
    :param gate: what the devices have to show before the next phase begins. Default: none, the next phase begins when
        the update's job exists.
    :param rollout: ``awsJobExecutionsRolloutConfig`` of the phase. Default: that of the whole rollout.
    """

    def __init__(
        self,
        name: str,
        *,
        targets: Sequence[OtaTarget],
        gate: RolloutGate | None = None,
        rollout: RolloutRate | None = None,
    ) -> None:
        self.name = checks.text(limits.PHASE_NAME, "name", name)
        self.targets = checks.members(limits.TARGETS, "targets", targets, OtaTarget)
        self.gate, self.rollout = gate, rollout


class PhasedRollout(Construct):
    """Brings one firmware to one phase after the other: a canary, some more devices, the fleet.

    Each phase is an ``OtaUpdate`` that is deployed after the one before it, and that is after its gate. Other firmware
    goes through all phases again. A phase that fails ends the deploy: the phases behind it have not begun and keep
    their old updates, and CloudFormation brings those before it back to their old ones; devices that have taken the new
    firmware keep it.

    In a deployed stack, a phase that is added brings its devices the firmware that is declared, after the phases before
    it, which are not judged again. One that is removed is deleted with its job. The order can be changed, which by
    itself reaches no device.

    :param scope: where it is declared.
    :param id: the construct's id.
    :param phases: 1 to 20 phases with different names and different targets, in their order.
    :param files: ``files``: see ``OtaUpdate``; so are all others.
    :raises ValueError: if an argument is beyond its limits.
    :raises TypeError: if an argument is of another type.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        phases: Sequence[Phase],
        files: Sequence[OtaFile],
        role: iam.IRole | iam.Role | None = None,
        description: str | None = None,
        protocols: Sequence[Protocol] | None = None,
        rollout: RolloutRate | None = None,
        abort_criteria: Sequence[AbortCriterion] | None = None,
        in_progress_timeout: Duration | None = None,
        presigned_url_expiry: Duration | None = None,
        additional_parameters: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        delete_stream: bool = True,
        force_delete_job: bool = True,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
        provider: OtaUpdateProvider | None = None,
    ) -> None:
        super().__init__(scope, id)
        with checks.prefix_errors(self.node.path):
            wanted = checks.members(limits.PHASES, "phases", phases, Phase)
            limits.distinct("names of phases", [phase.name for phase in wanted])
            self._check_targets(wanted)
        role = role or OtaServiceRole.get_or_create(self)
        self._updates: dict[str, OtaUpdate] = {}
        for phase in wanted:
            before = self.updates[-1:]
            update = OtaUpdate(
                self,
                phase.name,
                targets=phase.targets,
                files=files,
                role=role,
                description=description,
                protocols=protocols,
                rollout=phase.rollout or rollout,
                abort_criteria=abort_criteria,
                in_progress_timeout=in_progress_timeout,
                presigned_url_expiry=presigned_url_expiry,
                additional_parameters=additional_parameters,
                tags=tags,
                delete_stream=delete_stream,
                force_delete_job=force_delete_job,
                gate=phase.gate,
                removal_policy=removal_policy,
                provider=provider,
            )
            update.node.add_dependency(*before)
            self._updates[phase.name] = update

    @property
    def updates(self) -> list[OtaUpdate]:
        """The updates of the phases, in their order."""
        return list(self._updates.values())

    def update(self, phase: str) -> OtaUpdate:
        """The update of the phase of this name. Raises KeyError if there is none."""
        return self._updates[phase]

    def _check_targets(self, phases: Sequence[Phase]) -> None:
        """A device in two phases would get the firmware twice, and the second time refuse it."""
        bound = [target.bind(self) for phase in phases for target in phase.targets]
        limits.distinct("targets of phases", bound)
