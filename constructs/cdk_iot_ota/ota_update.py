"""An OTA update as a resource of a stack."""

from collections.abc import Mapping, Sequence

import jsii
from aws_cdk import CustomResource, Duration, ITaggableV2, RemovalPolicy, Resource, TagManager, TagType
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_iot_ota_handler.ota_update import budgets, identity

from . import checks
from .naming import id_prefix
from .ota_file import OtaFile
from .ota_target import OtaTarget
from .permissions import OtaPermissions
from .provider import OtaUpdateProvider
from .request import BoundFile, render
from .service_role import OtaServiceRole

RESOURCE_TYPE = "Custom::IoTOTAUpdate"

# Stronger than Tags.of(app), which has 100; weaker than a removal, which has 200.
_OWN_TAG_PRIORITY = 150


@jsii.implements(ITaggableV2)
class OtaUpdate(Resource):
    """An OTA update of AWS IoT: created on deploy, replaced when its content changes, deleted when it leaves the stack.

    An OTA update cannot be changed. Other content therefore makes a new update, and the old one is deleted once the
    deploy has succeeded; if it fails, the new one is removed and the old one stays, untouched. Tags and delete options
    change in place.

    :param scope: where it is declared.
    :param id: the construct's id.
    :param targets: ``targets``: 1 to 100 things and thing groups.
    :param files: ``files``: 1 to 50 files.
    :param role: ``roleArn``: the role that AWS IoT assumes. An ``OtaServiceRole`` is given what the update needs; any
        other role is left as it is. Default: an ``OtaServiceRole`` that the updates of the stack share.
    :param ota_update_id: ``otaUpdateId``: 1 to 56 of ``a-z A-Z 0-9 _ -``. With an id of its own an update has to be
        given another one whenever its content changes: CloudFormation creates the new update before it deletes the old
        one. Default: generated from the content.
    :param description: ``description``: at most 2,028 characters. Default: none.
    :param tags: ``tags``: tags of the update, in addition to those that ``Tags.of(scope)`` adds, and stronger than
        they are. Keys that begin with ``cdk-iot-ota:`` are this library's. Default: none.
    :param delete_stream: ``deleteStream`` of DeleteOTAUpdate: the deletion takes the stream along that AWS IoT has made
        for the update. Without it streams are left over. Default: true.
    :param force_delete_job: ``forceDeleteAWSJob`` of DeleteOTAUpdate: the deletion takes the job along even if devices
        are in the middle of it; what becomes of those is not defined. Without it the deletion of an update whose job
        is not over fails, and with it the clean-up of the deploy. Default: true.
    :param removal_policy: what happens to the update when it leaves the stack or is replaced. With ``RETAIN`` it stays.
        Default: it is deleted.
    :param provider: what answers CloudFormation. Default: one that the updates of the stack share.
    :raises ValueError: if an argument is beyond its limits.
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
        tags: Mapping[str, str] | None = None,
        delete_stream: bool = True,
        force_delete_job: bool = True,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
        provider: OtaUpdateProvider | None = None,
    ) -> None:
        super().__init__(scope, id)
        try:
            wanted_targets = checks.sequence("targets", targets, OtaTarget, at_most=100)
            wanted_files = checks.sequence("files", files, OtaFile, at_most=50)
            _check_texts(ota_update_id, description)
            self._tags = self._tag_manager(tags)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{self.node.path}: {error}") from None
        self._role = role or OtaServiceRole.get_or_create(self)
        bound = [BoundFile.bind(self, f"File{index}", file) for index, file in enumerate(wanted_files)]
        named = {"IdPrefix": id_prefix(self.stack)} if ota_update_id is None else {"OtaUpdateId": ota_update_id}
        provider = provider or OtaUpdateProvider.get_or_create(self)
        self._resource = CustomResource(
            self,
            "Resource",
            resource_type=RESOURCE_TYPE,
            service_token=provider.service_token,
            service_timeout=Duration.seconds(budgets.SERVICE_TIMEOUT),
            removal_policy=removal_policy,
            properties={
                **named,
                "Request": render(
                    targets=[target.bind(self) for target in wanted_targets],
                    files=bound,
                    role_arn=self._role.role_arn,
                    description=description,
                ),
                "Tags": self._tags.rendered_tags,
                "DeleteStream": delete_stream,
                "ForceDeleteJob": force_delete_job,
            },
        )
        self.node.default_child = self._resource.node.default_child
        self._depend_on_permissions(provider, bound, ota_update_id)

    def _tag_manager(self, tags: Mapping[str, str] | None) -> TagManager:
        manager = TagManager(TagType.KEY_VALUE, RESOURCE_TYPE)
        for key, value in checks.text_map("tags", tags or {}).items():
            if key.startswith(identity.TAG_PREFIX):
                raise ValueError(f"tags must not use the prefix {identity.TAG_PREFIX}, got {key!r}: choose another key")
            manager.set_tag(key, value, _OWN_TAG_PRIORITY)
        return manager

    def _depend_on_permissions(
        self, provider: OtaUpdateProvider, files: Sequence[BoundFile], explicit_id: str | None
    ) -> None:
        """The deletion needs them too, so they must be there before the resource, and still when it is deleted."""
        permissions = OtaPermissions.get_or_create(self, provider)
        locations = [file.location for file in files]
        needed = permissions.for_handler(self._role, locations, explicit_id)
        if isinstance(self._role, OtaServiceRole):
            needed += permissions.for_service(self._role, locations, explicit_id)
        self._resource.node.add_dependency(self._role, *needed)

    @property
    def cdk_tag_manager(self) -> TagManager:
        """The tags of the update, as ``Tags.of(scope)`` changes them."""
        return self._tags

    @property
    def ota_update_id(self) -> str:
        """``otaUpdateId``, known in the deploy."""
        return self._resource.ref

    @property
    def ota_update_arn(self) -> str:
        """``otaUpdateArn``."""
        return self._attribute("OtaUpdateArn")

    @property
    def job_id(self) -> str:
        """``awsIotJobId``: the job that the devices take."""
        return self._attribute("JobId")

    @property
    def job_arn(self) -> str:
        """``awsIotJobArn``."""
        return self._attribute("JobArn")

    @property
    def status(self) -> str:
        """``otaUpdateStatus`` at the end of the deploy: ``CREATE_COMPLETE``."""
        return self._attribute("Status")

    @property
    def role(self) -> iam.IRole | iam.Role:
        """The role that AWS IoT assumes for the update."""
        return self._role

    def _attribute(self, name: str) -> str:
        return self._resource.get_att_string(name)


def _check_texts(ota_update_id: str | None, description: str | None) -> None:
    if ota_update_id is not None:
        checks.text("ota_update_id", ota_update_id, at_most=identity.MAX_ID_LENGTH, pattern=r"[a-zA-Z0-9_-]+")
    if description is not None:
        checks.text("description", description, at_most=2028)
