"""Cluster on lightkube: the only module that talks to the API server's objects. Translates, decides nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from json import JSONDecodeError
from typing import Any, Final, cast

import httpx2
import msgspec
import yaml
from lightkube import AsyncClient
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.core import resource
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.generic_resource import (
    GenericGlobalResource,
    GenericGlobalStatus,
    GenericNamespacedResource,
    GenericNamespacedStatus,
    create_api_info,
)
from lightkube.types import CascadeType

from fde_events.errors import Misuse, Unavailable
from fde_operator.cluster import Manifest
from fde_operator.errors import Conflicting, Denied, Throttled
from fde_operator.key import Key
from fde_operator.resources import RESOURCES
from fde_operator.settings import FIELD_MANAGER

_LATER: Final = (429, 500, 502, 503, 504)
# A server that has just started says 403 to what its admission cannot judge yet: not what it would say in a moment.
_STARTING: Final = ("not yet ready to handle request", "failed to configure policy", "failed to configure binding")


# All but the first two: something between here and the API server answers, or cuts its answer.
_Fault = httpx2.HTTPError | ConfigError | msgspec.DecodeError | JSONDecodeError | UnicodeDecodeError
_FAULTS: Final = (httpx2.HTTPError, ConfigError, msgspec.DecodeError, JSONDecodeError, UnicodeDecodeError)


def _resource(kind: str) -> tuple[Any, Any]:
    """lightkube's classes for `kind` and its status; our own, outside lightkube's registry, which refuses doubles."""
    group, version, plural, namespaced = RESOURCES[kind]
    info = create_api_info(group, version, kind, plural)
    status_info = resource.ApiInfo(
        resource=info.resource, parent=info.resource, plural=plural, verbs=["get", "patch", "put"], action="status"
    )
    main, status = (
        (GenericNamespacedResource, GenericNamespacedStatus)
        if namespaced
        else (GenericGlobalResource, GenericGlobalStatus)
    )
    return type(kind, (main,), {"_api_info": info}), type(f"{kind}Status", (status,), {"_api_info": status_info})


def config_of(kubeconfig: str | None) -> SingleConfig:
    """The connection that a kubeconfig's current context, or the environment, names. :class:`Misuse` if there is none."""
    try:
        config = (KubeConfig.from_file(kubeconfig) if kubeconfig else KubeConfig.from_env()).get()
    except (ConfigError, OSError) as error:
        raise Misuse(f"no connection to Kubernetes is configured: {error}; give --kubeconfig FILE") from error
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise Misuse(
            f"{kubeconfig or 'KUBECONFIG'} is no kubeconfig: {type(error).__name__}; give --kubeconfig FILE"
        ) from error
    if config is None:
        raise Misuse(
            f"the kubeconfig {kubeconfig or ''} names no current context; `kubectl config use-context` sets it"
        )
    return config


_RETIRED: Final = 4  # clients that requests may still be under way on
_RECONNECT_S: Final = 30.0
_PAGE: Final = 100  # objects that are whole in memory at a time
_CLASSES: Final = {kind: _resource(kind) for kind in RESOURCES}


class KubernetesCluster:
    """A :class:`fde_operator.cluster.Cluster` for one kubeconfig; without one, the pod's own account or KUBECONFIG."""

    def __init__(
        self,
        kubeconfig: str | None = None,
        *,
        timeout_s: float = 10.0,
        transport: Callable[[SingleConfig], httpx2.AsyncBaseTransport] | None = None,
    ) -> None:
        self._kubeconfig, self._timeout_s, self._transport = kubeconfig, timeout_s, transport
        config = config_of(kubeconfig)
        self._client = self._connect()
        self._retired: list[AsyncClient] = []
        self.url = str(config.cluster.server)

    async def aclose(self) -> None:
        """Close the connections."""
        for client in (*self._retired, self._client):
            await client.aclose()

    def _connect(self) -> AsyncClient:
        self._connected_s = time.monotonic()
        config = config_of(self._kubeconfig)
        transport = self._transport(config) if self._transport else None
        return AsyncClient(config=config, timeout=httpx2.Timeout(self._timeout_s), trust_env=False, transport=transport)

    async def get(self, key: Key) -> Manifest | None:
        """The object, or None."""
        main, _ = _CLASSES[key.kind]
        try:
            return dict(await self._client.get(main, key.name, **_where(key.namespace)))
        except _FAULTS as error:
            if _code(error) == 404:
                return None
            raise self._translated(error, f"reading {key}") from error

    async def snapshot(self, kind: str, labels: dict[str, str | None], take: Callable[[Manifest], None]) -> str:
        """A complete list, handed to `take` page by page; its resource version. A label of value None has to be there, whatever
        it says."""
        main, _ = _CLASSES[kind]
        where = _where("*") if RESOURCES[kind].namespaced else {}
        pages = self._client.list(main, labels=cast(Any, labels) or None, chunk_size=_PAGE, **where)
        try:
            async for item in pages:
                take({"apiVersion": RESOURCES[kind].api_version, "kind": kind, **item})
        except _FAULTS as error:
            raise self._translated(error, f"listing {kind}") from error
        return str(pages.resourceVersion)

    async def list(
        self,
        kind: str,
        *,
        namespace: str = "",
        labels: dict[str, str] | None = None,
        fields: dict[str, str] | None = None,
    ) -> list[Manifest]:
        """All pages. The kind and version that a list's items lack are put back."""
        main, _ = _CLASSES[kind]
        where = _where(namespace or "*") if RESOURCES[kind].namespaced else {}
        by_label: dict[str, Any] | None = dict(labels) if labels else None
        by_field: dict[str, Any] | None = dict(fields) if fields else None
        found: list[Manifest] = []
        try:
            async for item in self._client.list(main, labels=by_label, fields=by_field, chunk_size=500, **where):
                found.append({"apiVersion": RESOURCES[kind].api_version, "kind": kind, **item})
        except _FAULTS as error:
            raise self._translated(error, f"listing {kind} {namespace}") from error
        return found

    async def follow(
        self, kind: str, labels: dict[str, str | None], version: str
    ) -> AsyncGenerator[tuple[str, Manifest], None]:
        """What happened after `version`, for ever. Conflicting: the server has forgotten what came after it."""
        main, _ = _CLASSES[kind]
        where = _where("*") if RESOURCES[kind].namespaced else {}
        watch = self._client.watch(main, labels=cast(Any, labels) or None, resource_version=version, **where)
        try:
            async for what, item in watch:
                yield what, dict(item)
        except _FAULTS as error:
            if _code(error) == 410:
                raise Conflicting(f"watching {kind}: {error}") from error
            raise self._translated(error, f"watching {kind}") from error

    async def create(self, manifest: Manifest) -> Manifest:
        """POST."""
        main, _ = _CLASSES[manifest["kind"]]
        try:
            return dict(await self._client.create(main(manifest), field_manager=FIELD_MANAGER, **_where_of(manifest)))
        except _FAULTS as error:
            raise self._translated(error, f"creating {_named(manifest)}") from error

    async def rehearse(self, manifest: Manifest) -> None:
        """POST with dryRun=All."""
        main, _ = _CLASSES[manifest["kind"]]
        try:
            await self._client.create(main(manifest), field_manager=FIELD_MANAGER, dry_run=True, **_where_of(manifest))
        except _FAULTS as error:
            raise self._translated(error, f"rehearsing {_named(manifest)}") from error

    async def apply(self, manifest: Manifest) -> Manifest:
        """PATCH application/apply-patch+yaml, force."""
        return await self._apply(manifest, 0)

    async def apply_status(self, manifest: Manifest) -> Manifest:
        """The same, on /status. Conflicting when the object has gone."""
        return await self._apply(manifest, 1)

    async def _apply(self, manifest: Manifest, which: int) -> Manifest:
        made = _CLASSES[manifest["kind"]][which](manifest)
        name, where = manifest["metadata"]["name"], _where_of(manifest)
        try:
            return dict(await self._client.apply(made, name, field_manager=FIELD_MANAGER, force=True, **where))
        except _FAULTS as error:
            raise self._translated(error, f"applying {_named(manifest)}") from error

    async def stands(self, manifest: Manifest) -> str | None:
        """PUT with dryRun=All: the server answers with the version that is stored."""
        return await self._replaced(manifest, dry_run=True)

    async def put(self, manifest: Manifest) -> str:
        """PUT, and POST when there is nothing to replace. Of what the server answers the version alone is kept."""
        made = await self._replaced(manifest, dry_run=False)
        return made or str((await self.create(manifest))["metadata"]["resourceVersion"])

    async def _replaced(self, manifest: Manifest, *, dry_run: bool) -> str | None:
        """The resource version it has then; None when there is nothing to replace."""
        main, _ = _CLASSES[manifest["kind"]]
        try:
            answer = await self._client.replace(
                main(manifest), field_manager=FIELD_MANAGER, dry_run=dry_run, **_where_of(manifest)
            )
        except _FAULTS as error:
            if _code(error) == 404:
                return None
            raise self._translated(error, f"replacing {_named(manifest)}") from error
        return str(answer["metadata"]["resourceVersion"])

    async def delete(self, key: Key, *, uid: str) -> None:
        """DELETE, background. The uid is checked by reading first: lightkube's delete takes no precondition."""
        found = await self.get_listed(key)
        if found is None or found["metadata"]["uid"] != uid:
            return
        main, _ = _CLASSES[key.kind]
        try:
            await self._client.delete(main, key.name, cascade=CascadeType.BACKGROUND, **_where(key.namespace))
        except _FAULTS as error:
            if _code(error) != 404:
                raise self._translated(error, f"deleting {key}") from error

    async def get_listed(self, key: Key) -> Manifest | None:
        """As :meth:`get`, with the right to list alone."""
        found = await self.list(key.kind, namespace=key.namespace, fields={"metadata.name": key.name})
        return found[0] if found else None

    def _translated(self, error: _Fault, doing: str) -> Exception:
        code = _code(error)
        said = str(error).strip() or type(error).__name__
        if isinstance(error, ConfigError):  # a credential plugin, or a token's file, while we run: it may come back
            return Unavailable(f"There are no credentials for the API server at {self.url} while {doing}: {said}.")
        if code == 429:
            told = f"The API server at {self.url} asks for fewer requests, while {doing}: {said}."
            return Throttled(told, retry_after_s=_retry_after_s(error))
        if code is None or code in _LATER:
            return Unavailable(f"The API server at {self.url} did not answer while {doing}: {said}.")
        if code == 409 or code == 404:
            return Conflicting(f"{doing}: {said}")
        if code == 401:  # a token of a kubeconfig may have been replaced; a pod's is read again by lightkube itself
            if len(self._retired) < _RETIRED or time.monotonic() - self._connected_s > _RECONNECT_S:
                try:
                    fresh = self._connect()
                except (Misuse, ConfigError, OSError) as misread:  # it is being replaced: half a file, or certificate
                    return Unavailable(f"There are no credentials for the API server while {doing}: {misread}.")
                self._retired = [*self._retired[-_RETIRED + 1 :], self._client]
                self._client = fresh
            return Unavailable(f"The API server at {self.url} does not take our token while {doing}.", retry_after_s=1)
        if code in (403, 422) and any(words in said for words in _STARTING):
            return Unavailable(f"Admission at {self.url} is not ready while {doing}: {said}.")
        return Denied(f"{doing}: {said}")


def _code(error: _Fault) -> int | None:
    if isinstance(error, ApiError) and error.status.code is not None:
        return int(error.status.code)
    return error.response.status_code if isinstance(error, httpx2.HTTPStatusError) else None


def _retry_after_s(error: _Fault) -> float:
    said = error.response.headers.get("Retry-After", "") if isinstance(error, httpx2.HTTPStatusError) else ""
    return min(60.0, float(said)) if said.isdigit() else 1.0


def _where(namespace: str) -> dict[str, Any]:
    return {"namespace": namespace} if namespace else {}


def _where_of(manifest: Manifest) -> dict[str, Any]:
    return _where(manifest["metadata"].get("namespace", ""))


def _named(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata'].get('namespace', '')}/{manifest['metadata']['name']}"
