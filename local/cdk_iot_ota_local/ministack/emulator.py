"""The seam to ministack: its exact version, and every name that we use of it.

ministack is untyped and has no plug-in hook, so its modules are `Any` from here on. A check at
the start turns a version in which a name has moved into one clear error.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from dataclasses import dataclass
from typing import Any

from ..errors import LocalAwsError

VERSION = "1.5.33"

# Our name for a module -> (the module, the names that we call, wrap or replace in it)
REQUIRED: dict[str, tuple[str, tuple[str, ...]]] = {
    "server": ("ministack.app", ("app", "AUTH", "pin_request_origin")),
    "iot": (
        "ministack.services.iot",
        (
            "_route_request",
            "_create_job",
            "_delete_job",
            "_iot_role_usable",
            "_job_document_s3_location",
            "_JOB_PRESIGN_RE",
            "_jobs",
            "_job_executions",
            "_jobs_apply_timeout",
            "_jobs_materialize_all",
            "_jobs_maybe_complete",
            "_jobs_presign_session",
            "_jobs_presigned_document",
            "_persistent_sessions",
            "_rules_for_account",
            "_subscription_matches",
            "_subscriptions",
            "_unscope_topic",
            "_tags_error",
            "_set_created_tags",
            "_TAGGABLE_RESOURCES",
            "_thing_groups",
            "_things",
            "broker_publish",
            "handle_request",
            "jobs_notify_thing",
            "jobs_pending_for_thing",
            "publishing_events",
            "reset",
        ),
    ),
    "s3": (
        "ministack.services.s3",
        ("handle_request", "_bucket_default_sse_headers", "_get_object_data", "_head_object"),
    ),
    "iam": ("ministack.services.iam", ("_roles",)),
    "kms": ("ministack.services.kms", ("_resolve_key",)),
    "acm": ("ministack.services.acm", ("_get_local_certificate",)),
    "signer": (
        "ministack.services.signer",
        ("handle_request", "_iot_signed_object", "_jobs", "_profiles", "_signing_key", "_start_signing_job"),
    ),
    "responses": (
        "ministack.core.responses",
        (
            "AccountRegionScopedDict",
            "error_response_json",
            "get_account_id",
            "get_region",
            "json_response",
            "request_scope",
        ),
    ),
    "router": ("ministack.core.router", ("extract_access_key_id",)),
    "iam_actions": (
        "ministack.core.iam_actions",
        (
            "access_denied_response",
            "extract_resource_arn",
            "request_tag_context",
            "s3_access_point_resources",
            "s3_additional_checks",
        ),
    ),
    "iam_evaluator": (
        "ministack.core.iam_evaluator",
        (
            "AuthError",
            "EvalContext",
            "combine_resource_policy",
            "enforce",
            "evaluate",
            "evaluate_trust_policy",
            "_gather_role_policies",
            "_permissions_boundary",
            "_resource_policy",
            "_service_principal_matches",
        ),
    ),
    "custom_resource": (
        "ministack.services.cloudformation.custom_resource",
        ("invoke_custom_resource", "register_token", "deliver_response"),
    ),
    "stacks": (
        "ministack.services.cloudformation.stacks",
        (
            "_add_event",
            "_delete_resource",
            "_deploy_stack_async",
            "_evaluate_conditions",
            "_resolve_stack_outputs",
            "_revert_update",
            "_roll_back_operation",
            "_with_dependencies",
            "now_iso",
        ),
    ),
    "stack_handlers": (
        "ministack.services.cloudformation.handlers",
        ("_ACTION_HANDLERS", "_deploy_stack_async", "_resolve_stack", "_roll_back_operation"),
    ),
    "changesets": ("ministack.services.cloudformation.changesets", ("_deploy_stack_async",)),
    "cloudformation": ("ministack.services.cloudformation", ("_change_sets", "_stack_events", "_stacks")),
    "provisioners": ("ministack.services.cloudformation.provisioners", ("_RESOURCE_HANDLERS",)),
    "functions": ("ministack.services.lambda_svc", ("_emit_lambda_logs", "_functions")),
    "cloudwatch": ("ministack.services.cloudwatch", ("_alarms", "_record_history")),
    "logs": ("ministack.services.cloudwatch_logs", ("_log_groups",)),
    "lambda_runtime": ("ministack.core.lambda_runtime", ("_worker_class_for", "ProvidedWorker")),
    "http_stream": ("hypercorn.protocol.http_stream", ("HTTPStream", "StreamClosed", "ASGIHTTPState")),
}


@dataclass(frozen=True, kw_only=True)
class Emulator:
    """ministack's modules under our names, see `REQUIRED`."""

    server: Any
    iot: Any
    s3: Any
    iam: Any
    kms: Any
    acm: Any
    signer: Any
    responses: Any
    router: Any
    iam_actions: Any
    iam_evaluator: Any
    custom_resource: Any
    stacks: Any
    stack_handlers: Any
    changesets: Any
    cloudformation: Any
    provisioners: Any
    functions: Any
    cloudwatch: Any
    logs: Any
    lambda_runtime: Any
    http_stream: Any

    @property
    def auth(self) -> bool:
        """True if signatures and IAM policies are enforced."""
        return bool(self.server.AUTH)

    def account(self) -> str:
        """Return the account of the request that is being served."""
        return str(self.responses.get_account_id())

    def region(self) -> str:
        """Return the Region of the request that is being served."""
        return str(self.responses.get_region())


def check_version(found: str | None = None) -> None:
    """Raise LocalAwsError unless exactly the pinned ministack is installed."""
    if found is None:
        try:
            found = importlib.metadata.version("ministack")
        except importlib.metadata.PackageNotFoundError:
            found = "none"
    if found != VERSION:
        raise LocalAwsError(
            f"cdk_iot_ota_local needs ministack=={VERSION}, found {found}: pip install ministack=={VERSION}"
        )


def check_names(modules: dict[str, Any]) -> None:
    """Raise LocalAwsError if a module lacks a name that we use."""
    missing = [
        f"{REQUIRED[alias][0]}.{name}"
        for alias, module in modules.items()
        for name in REQUIRED[alias][1]
        if not hasattr(module, name)
    ]
    if missing:
        raise LocalAwsError(
            f"ministack {VERSION} lacks {', '.join(missing)}: reinstall it with "
            f"pip install --force-reinstall ministack=={VERSION}"
        )


def load() -> Emulator:
    """Import ministack and check that it is the version that this package was written for."""
    check_version()
    modules: dict[str, Any] = {alias: importlib.import_module(path) for alias, (path, _) in REQUIRED.items()}
    check_names(modules)
    return Emulator(**modules)
