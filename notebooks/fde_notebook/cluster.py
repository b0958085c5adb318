"""The FDEDeployments of a cluster: what the pattern reuse rate counts. The only module of fde_notebook that knows lightkube."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx2
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.generic_resource import create_namespaced_resource, get_generic_resource

from fde_api.deployment import FDEDeployment
from fde_api.kinds import BY_NAME, parse
from fde_api.meta import API_VERSION, GROUP
from fde_events.errors import Misuse, Refused, Unavailable


def deployments(
    *, transport: httpx2.BaseTransport | None = None, config: KubeConfig | None = None
) -> Sequence[FDEDeployment]:
    """Every FDEDeployment that this identity may list, in all namespaces.

    `config` None: in-cluster, then $KUBECONFIG, then ~/.kube/config. :class:`Refused` without the right to `list`
    fdedeployments in the cluster, :class:`Unavailable` if the API server does not answer.
    """
    kind = BY_NAME["FDEDeployment"]
    # lightkube keeps one table for the whole process, and refuses a kind that somebody made before us.
    known: Any = get_generic_resource
    resource = known(API_VERSION, kind.name) or create_namespaced_resource(GROUP, "v1", kind.name, kind.plural)
    try:
        client: Any = Client(config=(config or KubeConfig.from_env()).get(), transport=transport)
        found = list(client.list(resource, namespace="*", chunk_size=100))
    except ConfigError as error:
        raise Misuse(f"No usable Kubernetes configuration: {error}. Set KUBECONFIG.") from error
    except ApiError as error:
        raise Refused(f"The API server refused to list FDEDeployments: {error.status.message}") from error
    except (httpx2.HTTPError, ConnectionError) as error:
        raise Unavailable(f"The API server did not list FDEDeployments: {error}.") from error
    parsed = [
        parse(
            {**one.to_dict(), "apiVersion": API_VERSION, "kind": kind.name}, where=f"FDEDeployment {one.metadata.name}"
        )
        for one in found
    ]
    return [one for one in parsed if isinstance(one, FDEDeployment)]
