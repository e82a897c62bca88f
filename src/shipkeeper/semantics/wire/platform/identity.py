"""Keycloak's operator: servers and realm imports, v2alpha1 and v2beta1.

Source: keycloak ``operator/…/crds`` and its status aggregator. A realm's content (clients, their secrets, users) has
no field here but the realm's name.
"""

from __future__ import annotations

from shipkeeper.model.operands import IdentityServer, RealmImport
from shipkeeper.semantics.wire.platform.parts import WireCrCondition, condition, image_version, short, status_of
from shipkeeper.semantics.wire.raw import Wire
from shipkeeper.semantics.wire.reader import Reader


class WireKeycloakMeta(Wire):
    """metadata."""

    name: str
    namespace: str | None = None
    generation: int | None = None


class WireUpdate(Wire):
    """spec.update."""

    strategy: str | None = None


class WireKeycloakSpec(Wire):
    """spec of a Keycloak."""

    instances: int | None = None
    image: str | None = None
    update: WireUpdate | None = None


class WireKeycloakStatus(Wire):
    """status of a Keycloak or an import."""

    instances: int | None = None
    observed_generation: int | None = None
    conditions: list[WireCrCondition] | None = None


class WireKeycloak(Wire):
    """A Keycloak."""

    metadata: WireKeycloakMeta
    api_version: str | None = None
    spec: WireKeycloakSpec | None = None
    status: WireKeycloakStatus | None = None


class WireRealm(Wire):
    """spec.realm of an import: its name only."""

    realm: str | None = None


class WireImportSpec(Wire, rename={"server": "keycloakCRName"}):
    """spec of an import."""

    server: str | None = None
    realm: WireRealm | None = None


class WireImport(Wire):
    """A KeycloakRealmImport."""

    metadata: WireKeycloakMeta
    spec: WireImportSpec | None = None
    status: WireKeycloakStatus | None = None


def _server(wire: WireKeycloak) -> tuple[IdentityServer]:
    meta, spec, status = wire.metadata, wire.spec or WireKeycloakSpec(), wire.status or WireKeycloakStatus()
    generation = meta.generation or 0
    ready, errors = (condition(status.conditions, name) for name in ("Ready", "HasErrors"))
    told = errors if errors is not None and (status_of(status.conditions, "HasErrors") == "True") else ready
    seen = min(
        status.observed_generation or 0,
        ready.observed_generation if ready and ready.observed_generation is not None else generation,
    )
    return (
        IdentityServer(
            namespace=meta.namespace or "default",
            name=meta.name,
            api_version=wire.api_version or "",
            image=spec.image or "",
            version=image_version(spec.image),
            instances=spec.instances if spec.instances is not None else 1,
            ready=status_of(status.conditions, "Ready"),
            errors=status_of(status.conditions, "HasErrors"),
            message=short(told.message) if told else "",
            update_strategy=(spec.update.strategy or "") if spec.update else "",
            recreated=status_of(status.conditions, "RecreateUpdateUsed"),
            generation=generation,
            observed_generation=status.observed_generation or 0,
            current=bool(status.conditions) and seen >= generation,
        ),
    )


def _import(wire: WireImport) -> tuple[RealmImport]:
    meta, spec, status = wire.metadata, wire.spec or WireImportSpec(), wire.status or WireKeycloakStatus()
    return (
        RealmImport(
            namespace=meta.namespace or "default",
            name=meta.name,
            server=spec.server or "",
            realm=(spec.realm.realm or "") if spec.realm else "",
            done=status_of(status.conditions, "Done"),
            errors=status_of(status.conditions, "HasErrors"),
        ),
    )


_API = "/apis/k8s.keycloak.org/v2alpha1"
KEYCLOAKS: Reader[IdentityServer] = Reader("keycloaks", "Keycloak", _API, IdentityServer, WireKeycloak, _server)
IMPORTS: Reader[RealmImport] = Reader(
    "keycloakrealmimports", "KeycloakRealmImport", _API, RealmImport, WireImport, _import
)
