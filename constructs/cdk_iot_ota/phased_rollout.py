"""A rollout in phases, each a deployed ``OtaUpdate`` that the next phase waits for."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aws_cdk import CfnResource, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import limits

from ._synth import checks, synth_limits, tokens
from .observation import events as rules
from .observation import widgets
from .observation.events import EventOptions
from .observation.observed_update import graphs, resources
from .ota_update import OtaUpdate
from .permissions.service_role import OtaServiceRole
from .provider.ota_update_provider import OtaUpdateProvider
from .request import render
from .request.device_warnings import SharesFiles
from .request.ota_file import OtaFile
from .request.ota_target import OtaTarget
from .request.rollout import AbortCriterion, Protocol, RolloutRate
from .request.rollout_gate import RolloutGate

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Phase:
    """A group of devices that are updated together.

    :param name: the construct id of the phase's update in the rollout: 1 to 64 of ``a-z A-Z 0-9 _ -``. Renaming a phase
        creates another update, which pushes the firmware to the phase's devices again.
    :param targets: ``targets``: 1 to 100 things and thing groups that are in no other phase.
    :param gate: the condition for the next phase to start. Default: none, the next phase starts when the update's job
        exists.
    :param rollout: ``awsJobExecutionsRolloutConfig`` of the phase. Default: that of the whole rollout.
    :raises ValueError: if an argument exceeds its limits.
    :raises TypeError: if an argument is of another type.
    """

    def __init__(
        self,
        name: str,
        *,
        targets: Sequence[OtaTarget],
        gate: RolloutGate | None = None,
        rollout: RolloutRate | None = None,
    ) -> None:
        if tokens.is_token(name):
            raise ValueError("name must be known at synth, since it is the id of a construct, got a token")
        self.name = checks.text(synth_limits.PHASE_NAME, "name", name)
        self.targets = checks.list_of(limits.TARGETS, "targets", targets, OtaTarget)
        self.gate, self.rollout = gate, rollout


class PhasedRollout(SharesFiles):
    """Updates the same files phase by phase: a canary, some more devices, the fleet.

    Each phase is an ``OtaUpdate`` that is deployed once the previous phase has passed its gate. Changed files go
    through all phases again. A phase that fails ends the deploy: later phases have not started and keep their old
    updates, and CloudFormation rolls earlier phases back to their old updates. Devices that have installed the new
    firmware keep it.

    Adding a phase to a deployed stack updates its devices to the declared files, after the phases before it, whose
    gates are not evaluated again. Removing a phase deletes its update and job. Reordering phases affects no device.

    :param scope: the parent construct.
    :param id: the construct's id.
    :param phases: 1 to 20 phases with different names and different targets, in their order.
    :param files: ``files``: 1 to 50 files with different names, the same in every phase.
    :param role: ``roleArn``: the role in the stack's account that AWS IoT assumes. An ``OtaServiceRole`` is given the
        permissions that the updates need; other roles are not changed. Default: an ``OtaServiceRole`` that the updates
        of the stack share.
    :param description: ``description`` of every update: 1 to 2,028 characters without control characters. Default:
        none.
    :param protocols: ``protocols``: how devices download the files. Default: the API's, MQTT.
    :param rollout: ``awsJobExecutionsRolloutConfig`` of phases without their own: how many devices are notified per
        minute. Default: the API's, as many as AWS IoT's quota allows.
    :param abort_criteria: ``awsJobAbortConfig``: when AWS IoT cancels the rest of a phase. Default: never.
    :param in_progress_timeout: ``awsJobTimeoutConfig``: how long a device may execute the job before it counts as timed
        out: 1 minute to 7 days in whole minutes. Shorter than a gate's timeout, it turns a device that stops responding
        into a failure that the gate counts. Default: 24 hours.
    :param presigned_url_expiry: ``awsJobPresignedUrlConfig``: how long the URLs for HTTP downloads are valid: 1 minute
        to 1 hour. Needs ``Protocol.HTTP``. Default: the API's, 30 minutes.
    :param additional_parameters: ``additionalParameters``: strings of up to 4,096 characters that AWS IoT stores with
        each update; they are not sent to devices. Default: none.
    :param tags: ``tags``: at most 46 tags of each update, with keys of 1 to 127 and values of 0 to 255 characters. They
        override those that ``Tags.of(scope)`` adds. Default: none.
    :param delete_stream: ``deleteStream`` of DeleteOTAUpdate: also delete the streams AWS IoT created for the updates;
        otherwise they are orphaned. Default: true.
    :param force_delete_job: ``forceDeleteAWSJob`` of DeleteOTAUpdate: delete jobs even while devices are executing
        them. Needed by every phase with a gate. Default: true.
    :param removal_policy: what happens to the updates when they leave the stack or are replaced: ``DESTROY``,
        ``RETAIN`` or ``RETAIN_ON_UPDATE_OR_DELETE``. Default: ``DESTROY``.
    :param provider: the provider that handles the updates. Cannot be changed after the first deploy unless the
        construct id changes too. Default: one that the updates of the stack share.
    :raises ValueError: if an argument exceeds its limits.
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
        with checks.prefix_errors(self):
            checked = checks.list_of(synth_limits.PHASES, "phases", phases, Phase)
            limits.distinct("names of phases", [phase.name for phase in checked])
            # A device in two phases would be sent the firmware twice, and reject it the second time.
            targets = [target.bind(self) for phase in checked for target in phase.targets]
            render.distinct(self, "targets of phases", targets)
        role = role or OtaServiceRole.get_or_create(self)
        self._updates: dict[str, OtaUpdate] = {}
        for phase in checked:
            previous = self.updates[-1:]
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
            update.node.add_dependency(*previous)
            self._updates[phase.name] = update

    @property
    def updates(self) -> list[OtaUpdate]:
        """The updates of the phases, in their order."""
        return list(self._updates.values())

    def update(self, phase: str) -> OtaUpdate:
        """Return the update of a phase by its name. Raises KeyError if there is none."""
        return self._updates[phase]

    def dashboard_widgets(self, *, alarms: widgets.Alarms | None = None) -> list[list[cloudwatch.IWidget]]:
        """Return rows of widgets for ``cloudwatch.Dashboard``: ``add_widgets(*row)`` adds each.

        A row of graphs for each phase, the states of alarms, and the newest lines of the log about all phases.

        :param alarms: alarms to show. Default: those of the gates.
        """
        title = self.node.id
        return [
            *(graphs(update) for update in self.updates),
            *widgets.alarms(title, [one.gate for one in self.updates] if alarms is None else [], alarms or ()),
            widgets.log(title, self.updates[0].log_group, self, [one.logical_id for one in _all_of(self.updates)]),
        ]

    def on_event(self, id: str, **options: "Unpack[EventOptions]") -> events.Rule:
        """Return a rule on every event of CloudFormation about the updates of all phases; see ``OtaUpdate.on_event``.

        :param id: the id of the rule in the rollout.
        :param options: see ``EventOptions``.
        """
        return rules.on_event(self, id, _all_of(self.updates), options)

    def on_deployed(self, id: str, **options: "Unpack[EventOptions]") -> events.Rule:
        """Return a rule on events that the update of a phase is deployed; see ``OtaUpdate.on_deployed``.

        :param id: the id of the rule in the rollout.
        :param options: see ``EventOptions``.
        """
        return rules.on_deployed(self, id, [resources(update)[-1] for update in self.updates], options)

    def on_gate_failed(self, id: str, **options: "Unpack[EventOptions]") -> events.Rule:
        """Return a rule on events that the gate of a phase has failed; see ``OtaUpdate.on_gate_failed``.

        :param id: the id of the rule in the rollout.
        :param options: see ``EventOptions``.
        :raises ValueError: if no phase has a gate.
        """
        gated = [update for update in self.updates if update.gate is not None]
        if not gated:
            raise ValueError(f"{self.node.path}: on_gate_failed needs a phase with a gate, got none: declare one")
        return rules.on_gate_failed(self, id, _all_of(gated), options)


def _all_of(updates: Sequence[OtaUpdate]) -> list[CfnResource]:
    return [resource for update in updates for resource in resources(update)]
