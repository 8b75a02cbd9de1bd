"""The names that differ between the SDK's versions, so that the tests read the same for all.

**Invariant:** only spelling is bridged here. What a version can't say (`has_...`), its tests skip openly.
"""

import importlib.metadata
import inspect

from svix import models
from svix.api import Message, Svix
from svix.api.ingest_endpoint import IngestEndpoint

VERSION = importlib.metadata.version("svix")
IS_V1 = VERSION.startswith("1.")

has_grace_period = "grace_period_seconds" in models.EndpointSecretRotateIn.model_fields
has_delete_headers = "delete_headers" in models.EndpointHeadersPatchIn.model_fields
has_dashboard_access = IS_V1
has_background_tasks = hasattr(Svix, "background_task")
has_deliver_at = "deliver_at" in models.MessageIn.model_fields
# Before that they asked for no source, and called "/source/{source_id}/endpoint" with the braces.
has_ingest_endpoints = "source_id" in inspect.signature(IngestEndpoint.create).parameters
has_source_metadata = "metadata" in models.IngestSourceIn.model_fields
has_poller = hasattr(models, "PollingEndpointOut") and hasattr(Message, "poller")
has_status_text = "status_text" in models.MessageAttemptOut.model_fields

_EVENT_TYPES = "event_types" if "event_types" in models.EndpointIn.model_fields else "filter_types"
_THROTTLE = "throttle_rate" if "throttle_rate" in models.EndpointIn.model_fields else "rate_limit"


def _spell(fields):
    if "event_types" in fields:
        fields[_EVENT_TYPES] = fields.pop("event_types")
    if "throttle_rate" in fields:
        fields[_THROTTLE] = fields.pop("throttle_rate")
    return fields


def endpoint_in(**fields):
    return models.EndpointIn(**_spell(fields))


def endpoint_patch(**fields):
    return models.EndpointPatch(**_spell(fields))


def endpoint_whole(**fields):
    model = models.EndpointUpdate if IS_V1 else models.EndpointUpsertIn
    return model(**_spell(fields))


def event_types_of(endpoint):
    return getattr(endpoint, _EVENT_TYPES)


def throttle_rate_of(endpoint):
    return getattr(endpoint, _THROTTLE)


def put(resource):
    """`update` of 1.x, `upsert` of 2.x."""
    return resource.update if IS_V1 else resource.upsert


def put_headers(resource):
    return resource.update_headers if IS_V1 else resource.set_headers


def event_type_whole(**fields):
    model = models.EventTypeUpdate if IS_V1 else models.EventTypeUpsertIn
    return model(**fields)


def ingest_endpoint_in(**fields):
    return models.IngestEndpointIn(**_spell(fields))


def ingest_endpoint_whole(**fields):
    model = models.IngestEndpointUpdate if IS_V1 else models.IngestEndpointUpsertIn
    return model(**_spell(fields))


def ingest_dashboard(ingest):
    """`svix.ingest.dashboard` of 1.x."""
    return ingest.dashboard if IS_V1 else ingest.authentication.consumer_portal_access


def operational_endpoint_in(**fields):
    return models.OperationalWebhookEndpointIn(**_spell(fields))


def operational_endpoints(svix):
    """The resource: of its own in 1.x, under `operational_webhook` in 2.x."""
    return svix.operational_webhook_endpoint if IS_V1 else svix.operational_webhook.endpoint
