"""The OTA update construct."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, cast

import jsii
from aws_cdk import CfnResource, CustomResource, Duration, ITaggableV2, RemovalPolicy, Resource, Stack, TagManager
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import limits, timeouts
from cdk_iot_ota_handler.ota_update.contract.names import RESOURCE_TYPE

from . import imported
from ._synth import checks, late, once, removal, tokens
from ._synth import tags as tag_set
from ._synth.naming import id_pattern, id_prefix
from ._synth.suppressions import acknowledge_dependency
from ._synth.validation import at_end
from .imported import IOtaUpdate
from .observation.observed_update import ObservedUpdate
from .permissions import objects
from .permissions.needs import Needs
from .permissions.ota_permissions import OtaPermissions
from .permissions.service_role import OtaServiceRole
from .provider.ota_update_provider import OtaUpdateProvider
from .request import device_warnings, empty_groups, gate_alarms, gate_chain, render
from .request.ota_file import BoundFile, OtaFile
from .request.ota_target import OtaTarget, TargetSelection
from .request.rollout import AbortCriterion, Protocol, RolloutRate
from .request.rollout_gate import RolloutGate

# In the assembly's manifest, not in the template. Releases of the CDK CLI that know how to leave resources out read it.
_DO_NOT_REFACTOR = "aws:cdk:do-not-refactor"


@jsii.implements(ITaggableV2)
class OtaUpdate(Resource, ObservedUpdate):
    """An AWS IoT OTA update: created on deploy, replaced when its content changes, deleted when it leaves the stack.

    OTA updates are immutable, so changed content creates a new update. The old one is deleted once the deploy has
    succeeded; if the deploy fails, the new one is deleted and the old one is not touched. Tags and delete options
    change in place.

    What AWS IoT accepts and devices do not take is a warning at synth; ``docs/parameters.md`` lists the warnings.

    :param scope: the parent construct.
    :param id: the construct's id.
    :param targets: ``targets``: 1 to 100 different things and thing groups.
    :param files: ``files``: 1 to 50 files with different names.
    :param role: ``roleArn``: the role in the stack's account that AWS IoT assumes. An ``OtaServiceRole`` is given the
        permissions that the update needs; other roles are not changed. Default: an ``OtaServiceRole`` that the updates
        of the stack share.
    :param ota_update_id: ``otaUpdateId``: 1 to 56 of ``a-z A-Z 0-9 _ -``, not in the form of a generated id, nor in
        that of an id that CloudFormation invents, ``<stack name>-<logical id>-…``. Change an explicit id whenever the
        content changes: CloudFormation creates the new update before it deletes the old one. Default: generated from
        the content.
    :param description: ``description``: 1 to 2,028 characters without control characters. Default: none.
    :param protocols: ``protocols``: how devices download the files. Default: the API's, MQTT.
    :param target_selection: ``targetSelection``. Default: the API's, SNAPSHOT.
    :param rollout: ``awsJobExecutionsRolloutConfig``: how many devices are notified per minute. Default: the API's, as
        many as AWS IoT's quota allows.
    :param abort_criteria: ``awsJobAbortConfig``: when AWS IoT cancels the rest of the rollout. Default: never.
    :param in_progress_timeout: ``awsJobTimeoutConfig``: how long a device may execute the job before it counts as timed
        out: 1 minute to 7 days in whole minutes. Default: 24 hours. Set it below the timeout of a ``gate``. The API's
        default, none, would keep the job open forever when a device stops responding.
    :param presigned_url_expiry: ``awsJobPresignedUrlConfig``: how long the URLs for HTTP downloads are valid: 1 minute
        to 1 hour. Needs ``Protocol.HTTP``. Default: the API's, 30 minutes.
    :param additional_parameters: ``additionalParameters``: strings of up to 4,096 characters that AWS IoT stores with
        the update; they are not sent to devices. Default: none.
    :param tags: ``tags``: at most 46 tags of the update, with keys of 1 to 127 and values of 0 to 255 characters. They
        override those that ``Tags.of(scope)`` adds. With a bake time of a ``gate`` at most 45. Keys that start with
        ``cdk-iot-ota:`` are reserved. Default: none.
    :param delete_stream: ``deleteStream`` of DeleteOTAUpdate: also delete the stream AWS IoT created for the update;
        otherwise the stream is orphaned. Default: true.
    :param force_delete_job: ``forceDeleteAWSJob`` of DeleteOTAUpdate: delete the job even while devices are executing
        it; AWS does not define what those devices do. Without it, deleting an update whose job has not completed fails,
        and with it the clean-up of the deploy. Default: true.
    :param gate: a condition on the devices that the deploy waits for; see ``RolloutGate``. It is not part of the
        update's content: changing it does not re-evaluate an update that is already deployed. Needs
        ``force_delete_job``. Not allowed with ``TargetSelection.CONTINUOUS``, whose job never completes. For one that
        takes over 45 minutes, add a dependency on the construct to what must wait for it: the id of the update and its
        job are known before. Default: none, the deploy ends when the job exists.
    :param removal_policy: what happens to the update when it leaves the stack or is replaced: ``DESTROY``, ``RETAIN``
        or ``RETAIN_ON_UPDATE_OR_DELETE``, which is CloudFormation's RetainExceptOnCreate. ``apply_removal_policy`` and
        ``RemovalPolicies`` override it. A retained update needs a role that is retained as well. Default: ``DESTROY``.
    :param provider: the provider that handles the resource. Cannot be changed after the first deploy unless the
        construct id changes too (CloudFormation does not allow a new ServiceToken). Default: one that the updates of
        the stack share.
    :raises ValueError: if an argument exceeds its limits. Tags that ``Tags.of`` adds, and the size of all properties
        together (100,000 bytes), are checked at the end of synth.
    :raises TypeError: if an argument is of another type.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        targets: Sequence[OtaTarget],
        files: Sequence[OtaFile],
        role: iam.IRole | iam.Role | None = None,
        ota_update_id: str | None = None,
        description: str | None = None,
        protocols: Sequence[Protocol] | None = None,
        target_selection: TargetSelection | None = None,
        rollout: RolloutRate | None = None,
        abort_criteria: Sequence[AbortCriterion] | None = None,
        in_progress_timeout: Duration | None = None,
        presigned_url_expiry: Duration | None = None,
        additional_parameters: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        delete_stream: bool = True,
        force_delete_job: bool = True,
        gate: RolloutGate | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
        provider: OtaUpdateProvider | None = None,
    ) -> None:
        super().__init__(scope, id)
        # An aspect may ask for tags although this constructor has failed.
        self._tags: TagManager | None = None
        stack = once.stack_of(scope)
        once.is_in_stack(self, stack)
        with checks.prefix_errors(self):
            bound = BoundFile.bind_all(self, files)
            # Without declared tags it has a manager only once an aspect asks for one.
            self._tags = None if tags is None else tag_set.manager(RESOURCE_TYPE, tags)
            self._role = _checked_role(role, stack) or OtaServiceRole.get_or_create(self)
            properties = {
                **_name(stack, ota_update_id),
                "Request": render.omit_none(
                    description=render.description(description),
                    targets=render.targets(self, targets),
                    protocols=render.protocols(protocols),
                    targetSelection=render.selection(target_selection, force_delete_job=force_delete_job),
                    awsJobExecutionsRolloutConfig=render.rollout(rollout),
                    awsJobPresignedUrlConfig=render.presigned_url(presigned_url_expiry, protocols),
                    awsJobAbortConfig=render.abort(abort_criteria),
                    awsJobTimeoutConfig=render.timeout(in_progress_timeout),
                    files=render.files(self, bound),
                    roleArn=render.role_arn(self, self._role),
                    additionalParameters=render.additional_parameters(additional_parameters),
                ),
                **render.bucket_owners(bound),
                **({} if self._tags is None else {"Tags": self._tags.rendered_tags}),
                "DeleteStream": checks.boolean("delete_stream", delete_stream),
                "ForceDeleteJob": checks.boolean("force_delete_job", force_delete_job),
                **render.gate(self, gate, target_selection, force_delete_job=force_delete_job),
            }
            removal.checked(removal_policy)
            provider = _checked_provider(provider, stack) or OtaUpdateProvider.get_or_create(self)
        provider._status.serve(stack, ota_update_id)
        shares = isinstance(scope, device_warnings.SharesFiles)
        has_timeout = in_progress_timeout is not None
        device_warnings.warn(scope if shares else self, properties, bound, has_timeout=has_timeout)
        self._resource = CustomResource(
            self,
            "Resource",
            resource_type=RESOURCE_TYPE,
            service_token=provider.service_token,
            service_timeout=_service_timeout(),
            removal_policy=removal_policy,
            properties=properties,
        )
        node = self.node
        # The last of all constructs in here, in the order of their creation.
        self._rendered = cast(CfnResource, node.find_all()[-1])
        node.default_child = self._rendered
        self._explicit_id, self._provider, self._gate = ota_update_id, provider, gate
        retained = removal.Removal(self._rendered, is_retained=removal_policy is not RemovalPolicy.DESTROY)
        needs = Needs(
            role=self._role,
            files=bound,
            explicit_id=ota_update_id,
            delete_stream=delete_stream,
            force_delete_job=force_delete_job,
            gated=gate is not None,
            alarms=[] if gate is None else gate.alarms or [],
            removal=retained,
        )
        with checks.prefix_errors(self):
            permissions = OtaPermissions.get_or_create(self, provider)
            policies = permissions.needed_for(needs)
        permissions.exported.watch(self, self._rendered)
        node = self._rendered.node
        # Moved by CloudFormation's stack refactoring, the resource would keep an update that belongs to another one.
        node.add_metadata(_DO_NOT_REFACTOR, True)
        # Deleting the update needs the policies too, so they are created before it and deleted after it.
        node.add_dependency(self._role, *policies)
        acknowledge_dependency(self._rendered)
        self._links = gate_chain.links(self, provider.service_token, self._resource, properties)
        for link in self._links:
            resource = cast(CfnResource, link.node.default_child)
            permissions.exported.watch(self, resource)
            resource.node.add_metadata(_DO_NOT_REFACTOR, True)
        at_end(self, lambda found: self._check(properties, found), lambda: self._to_check(provider, properties))
        at_end(self, lambda _: retained.check(RESOURCE_TYPE))
        gate_alarms.check_jobs(self, needs.alarms, ota_update_id, self._rendered)
        at_end(self, lambda _: empty_groups.warn(self, properties))
        at_end(self, lambda _: objects.warn(scope if shares else self, needs))

    @staticmethod
    def from_ota_update_id(scope: Construct, id: str, ota_update_id: str) -> IOtaUpdate:
        """Import an existing update of the stack's account and Region by its id of 1 to 128 characters."""
        return imported.from_id(scope, id, ota_update_id)

    @staticmethod
    def from_ota_update_arn(scope: Construct, id: str, ota_update_arn: str) -> IOtaUpdate:
        """Import an existing update of the stack's account and Region by its ARN.

        :param ota_update_arn: ``arn:<partition>:iot:<region>:<account>:otaupdate/<id>``.
        """
        return imported.from_arn(scope, id, ota_update_arn)

    def _to_check(self, provider: OtaUpdateProvider, properties: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what is checked at the end of synth, as it is declared. Raises ValueError for tags of ``Tags.of``."""
        return {
            "properties": {
                "ServiceToken": provider.service_token,
                "ServiceTimeout": str(timeouts.SERVICE_TIMEOUT),
                **properties,
                "Tags": None if self._tags is None else tag_set.rendered(self._tags) or None,
            },
            "logical_id": None if self._explicit_id is None else self._rendered.logical_id,
        }

    def _check(self, declared: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        """Check the tags, what was a token in the constructor, and the size of everything."""
        resolved = found["properties"]
        tag_set.check(resolved.get("Tags", []))
        if "BakeTimeInMinutes" in resolved.get("Gate", {}):
            limits.TAGS_WITH_BAKE.check("tags of an update with a bake_time", resolved.get("Tags", []))
        if self._explicit_id is not None:
            self._check_explicit_id(resolved.get("OtaUpdateId"), found["logical_id"])
        late.check(declared, resolved)
        limits.check_properties_size("properties", resolved)

    def _check_explicit_id(self, explicit_id: object, logical_id: str) -> None:
        """Refuse an id that CloudFormation may invent for this resource, whose logical id can change until now."""
        name = once.get(once.stack_of(self), "stack_name")
        if explicit_id is None:
            raise ValueError("ota_update_id must be a str, got a Lazy that is None at the end of synth: leave it out")
        if isinstance(explicit_id, str) and checks.known(explicit_id) and checks.known(name):
            limits.explicit_id("ota_update_id", explicit_id, stack_name=name, logical_id=logical_id)

    def apply_removal_policy(self, policy: RemovalPolicy) -> None:
        """Set what happens to the update when it leaves the stack or is replaced, as ``removal_policy`` does.

        :param policy: ``DESTROY``, ``RETAIN`` or ``RETAIN_ON_UPDATE_OR_DELETE``.
        :raises ValueError: for ``SNAPSHOT``.
        :raises TypeError: if it is not a ``RemovalPolicy``.
        """
        with checks.prefix_errors(self):
            super().apply_removal_policy(removal.checked(policy))

    @property
    def cdk_tag_manager(self) -> TagManager:
        """The tags of the update, as ``Tags.of(scope)`` changes them."""
        if self._tags is None:
            self._tags = tag_set.manager(RESOURCE_TYPE, None)
            if "_rendered" in vars(self):
                self._rendered.add_property_override("Tags", self._tags.rendered_tags)
        return self._tags

    @property
    def ota_update_id(self) -> str:
        """``otaUpdateId``, resolved at deploy time."""
        return self._resource.ref

    @property
    def ota_update_arn(self) -> str:
        """``otaUpdateArn``."""
        return self._resource.get_att_string("OtaUpdateArn")

    @property
    def job_id(self) -> str:
        """``awsIotJobId``: the job that the devices execute."""
        return self._resource.get_att_string("JobId")

    @property
    def job_arn(self) -> str:
        """``awsIotJobArn``."""
        return self._resource.get_att_string("JobArn")

    @property
    def status(self) -> str:
        """``otaUpdateStatus``: ``CREATE_COMPLETE``, or ``DELETE_FAILED`` if a deletion outside of the stack failed."""
        return self._resource.get_att_string("Status")

    @property
    def devices_succeeded(self) -> str:
        """The number of devices that had succeeded when the gate passed; empty if no gate was evaluated."""
        return self._gate_attribute("DevicesSucceeded")

    @property
    def devices_failed(self) -> str:
        """The number of devices that had failed when the gate passed; empty if no gate was evaluated."""
        return self._gate_attribute("DevicesFailed")

    @property
    def gate_result(self) -> str:
        """``passed``, or ``would have failed:`` and why for a gate that only reports; empty if none was evaluated.

        The reason is cut to what fits into the update's tag: some 170 characters, less the names of failed devices.
        """
        return self._gate_attribute("GateResult")

    @property
    def alarms_without_data(self) -> str:
        """The alarms of the gate that had nothing to tell when it passed, joined by commas; empty if there were none.

        Names that do not fit into the update's tag are left out; the log of the handler has all.
        """
        return self._gate_attribute("AlarmsWithoutData")

    @property
    def failed_devices(self) -> str:
        """The things that had failed although the deploy continued, the first five at most, joined by commas.

        Names that do not fit into the update's tag are left out; the log of the handler has the first 250. Empty if
        none had failed, or no gate was evaluated.
        """
        return self._gate_attribute("FailedDevices")

    @property
    def seconds_waited(self) -> str:
        """The seconds from the creation until the gate passed; empty if no gate was evaluated."""
        return self._gate_attribute("SecondsWaited")

    def _gate_attribute(self, name: str) -> str:
        """Return what the gate has observed, which the last resource that watches it knows."""
        return [self._resource, *self._links][-1].get_att_string(name)

    @property
    def role(self) -> iam.IRole | iam.Role:
        """The role that AWS IoT assumes for the update."""
        return self._role

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Grant read access to the update and its job: ``iot:GetOTAUpdate`` and ``iot:DescribeJob``.

        Any stack of the app may declare the grantee. The policy does not change with the firmware: it covers the ids
        that this resource can have, unless ``ota_update_id`` gives one.
        """
        if self._explicit_id is not None:
            return imported.grant_read(self, grantee, self._explicit_id)
        return imported.grant_read(self, grantee, id_pattern(self._rendered), is_pattern=True)


@functools.cache
def _service_timeout() -> Duration:
    return Duration.seconds(timeouts.SERVICE_TIMEOUT)


def _name(stack: Stack, ota_update_id: str | None) -> dict[str, str]:
    if ota_update_id is None:
        return {"IdPrefix": id_prefix(stack)}
    given = checks.text(limits.OTA_UPDATE_ID_OF_A_JOB, "ota_update_id", ota_update_id)
    if checks.known(given):
        limits.explicit_id("ota_update_id", given)
    return {"OtaUpdateId": given}


def _checked_role(role: iam.IRole | iam.Role | None, stack: Stack) -> iam.IRole | iam.Role | None:
    if role is None:
        return None
    if not once.has(role, "role_arn"):
        raise TypeError(f"role must be an iam.IRole, got {checks.shown(role)}: Role.from_role_arn takes an ARN")
    return once.asked(stack, ("role", role), lambda: _role_of(role, stack))


def _role_of(role: iam.IRole | iam.Role, stack: Stack) -> iam.IRole | iam.Role:
    arn = once.get(role, "role_arn")
    if tokens.is_token(arn) and not tokens.is_dummy(arn):
        _check_same(stack.account, role.env.account, "role must be in the update's account {}, got one in {}")
    if isinstance(role, OtaServiceRole):
        there = Stack.of(role).region
        _check_same(stack.region, there, "role must be in the update's Region {}, got one for {}")
    return role


def _checked_provider(provider: OtaUpdateProvider | None, stack: Stack) -> OtaUpdateProvider | None:
    if provider is None:
        return None
    checks.instance_of("provider", provider, OtaUpdateProvider)
    return once.asked(stack, ("provider", provider), lambda: _provider_of(provider, stack))


def _provider_of(provider: OtaUpdateProvider, stack: Stack) -> OtaUpdateProvider:
    there = once.stack_of(provider)
    _check_same(stack.account, there.account, "provider must be in the update's account {}, got one in {}")
    _check_same(stack.region, there.region, "provider must be in the update's Region {}, got one in {}")
    return provider


def _check_same(expected: str, got: str, message: str) -> None:
    if checks.known(expected) and checks.known(got) and expected != got:
        raise ValueError(f"{message.format(expected, got)}: declare one there")
