"""Authentication and authorization."""

from __future__ import annotations

from dataclasses import dataclass

from weft.domain.errors import Misconfigured
from weft.settings.setting import group, setting


@dataclass(frozen=True, slots=True)
class OidcSettings:
    enabled: bool = setting(
        "oidc_enabled", "AUTHENTICATION_OIDC_ENABLED", False, "accept tokens of an identity provider"
    )
    issuer: str = setting("oidc_issuer", "AUTHENTICATION_OIDC_ISSUER", "", "address of the identity provider")
    client_id: str = setting(
        "oidc_client_id", "AUTHENTICATION_OIDC_CLIENT_ID", "", "the client that tokens must be for"
    )
    skip_client_id_check: bool = setting(
        "oidc_skip_client_id_check",
        "AUTHENTICATION_OIDC_SKIP_CLIENT_ID_CHECK",
        False,
        "accept tokens for any client of the provider",
    )
    username_claim: str = setting(
        "oidc_username_claim", "AUTHENTICATION_OIDC_USERNAME_CLAIM", "", "claim of a token that names the user"
    )
    groups_claim: str = setting(
        "oidc_groups_claim", "AUTHENTICATION_OIDC_GROUPS_CLAIM", "", "claim of a token that lists groups"
    )
    scopes: tuple[str, ...] = setting(
        "oidc_scopes", "AUTHENTICATION_OIDC_SCOPES", (), "scopes that clients should request from the provider"
    )
    jwks_url: str = setting(
        "oidc_jwks_url",
        "AUTHENTICATION_OIDC_JWKS_URL",
        "",
        "where the provider's keys are; empty: where its configuration says",
    )
    certificate: str = setting(
        "oidc_certificate",
        "AUTHENTICATION_OIDC_CERTIFICATE",
        "",
        "certificate to trust the provider by: PEM text or a file",
    )
    insecure_skip_tls_verify: bool = setting(
        "oidc_insecure_skip_tls_verify",
        "AUTHENTICATION_OIDC_INSECURE_SKIP_TLS_VERIFY",
        False,
        "trust any certificate of the provider; for tests only",
    )

    def __post_init__(self) -> None:
        if not self.enabled:
            return
        needed = {"oidc_issuer": self.issuer, "oidc_username_claim": self.username_claim}
        missing = [key for key, value in needed.items() if not value]
        if not self.client_id and not self.skip_client_id_check:
            missing.append("oidc_client_id (or oidc_skip_client_id_check)")
        if missing:
            raise Misconfigured(f"OIDC is on without {', '.join(missing)}; set what is missing")
        if self.certificate and self.insecure_skip_tls_verify:
            raise Misconfigured(
                "oidc_certificate and oidc_insecure_skip_tls_verify exclude each other; set only one of them"
            )


@dataclass(frozen=True, slots=True)
class RbacSettings:
    enabled: bool = setting(
        "rbac_enabled",
        "AUTHORIZATION_RBAC_ENABLED",
        False,
        "allow callers what their roles allow",
        older_env="AUTHORIZATION_ENABLE_RBAC",
    )
    root_users: tuple[str, ...] = setting(
        "rbac_root_users",
        "AUTHORIZATION_RBAC_ROOT_USERS",
        (),
        "users with the role root",
        older_env="AUTHORIZATION_ADMIN_USERS",
    )
    root_groups: tuple[str, ...] = setting(
        "rbac_root_groups", "AUTHORIZATION_RBAC_ROOT_GROUPS", (), "groups with the role root"
    )
    readonly_groups: tuple[str, ...] = setting(
        "rbac_readonly_groups",
        "AUTHORIZATION_RBAC_READONLY_GROUPS",
        (),
        "groups with the role read-only",
        older_env="EXPERIMENTAL_AUTHORIZATION_RBAC_READONLY_ROOT_GROUPS",
    )
    admin_users: tuple[str, ...] = setting(
        "rbac_admin_users", "EXPERIMENTAL_AUTHORIZATION_RBAC_ADMIN_USERS", (), "users with the role admin"
    )
    viewer_users: tuple[str, ...] = setting(
        "rbac_viewer_users", "EXPERIMENTAL_AUTHORIZATION_RBAC_READONLY_USERS", (), "users with the role viewer"
    )


@dataclass(frozen=True, slots=True)
class AdminListSettings:
    enabled: bool = setting(
        "adminlist_enabled", "AUTHORIZATION_ADMINLIST_ENABLED", False, "allow only the users and groups of these lists"
    )
    users: tuple[str, ...] = setting(
        "adminlist_users", "AUTHORIZATION_ADMINLIST_USERS", (), "users that may do everything"
    )
    groups: tuple[str, ...] = setting(
        "adminlist_groups", "AUTHORIZATION_ADMINLIST_GROUPS", (), "groups that may do everything"
    )
    readonly_users: tuple[str, ...] = setting(
        "adminlist_readonly_users", "AUTHORIZATION_ADMINLIST_READONLY_USERS", (), "users that may read"
    )
    readonly_groups: tuple[str, ...] = setting(
        "adminlist_readonly_groups", "AUTHORIZATION_ADMINLIST_READONLY_GROUPS", (), "groups that may read"
    )


@dataclass(frozen=True, slots=True)
class AccessSettings:
    anonymous: bool = setting(
        "anonymous_access",
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED",
        True,
        "answer requests without credentials; off unless set where keys, users or OIDC are on",
    )
    apikey_enabled: bool = setting("apikey_enabled", "AUTHENTICATION_APIKEY_ENABLED", False, "accept API keys")
    apikeys: tuple[str, ...] = setting("apikey_allowed_keys", "AUTHENTICATION_APIKEY_ALLOWED_KEYS", (), "the API keys")
    apikey_users: tuple[str, ...] = setting(
        "apikey_users", "AUTHENTICATION_APIKEY_USERS", (), "the user of each key, or one user for all of them"
    )
    db_users_enabled: bool = setting(
        "db_users_enabled",
        "AUTHENTICATION_DB_USERS_ENABLED",
        False,
        "let users be created, and their keys rotated, while the server runs",
    )
    oidc: OidcSettings = group(OidcSettings, "OpenID Connect")
    rbac: RbacSettings = group(RbacSettings, "Roles")
    admin_list: AdminListSettings = group(AdminListSettings, "Admin list")

    @property
    def has_users(self) -> bool:
        """Whether callers can authenticate."""
        return self.apikey_enabled or self.db_users_enabled or self.oidc.enabled

    def __post_init__(self) -> None:
        users, keys = len(self.apikey_users), len(self.apikeys)
        if self.apikey_enabled and (keys == 0 or users not in (1, keys)):
            raise Misconfigured(
                f"API keys are enabled with {keys} keys and {users} users; give at least one key, and one user for all "
                "keys or one for each (AUTHENTICATION_APIKEY_ALLOWED_KEYS, AUTHENTICATION_APIKEY_USERS)"
            )
        if self.apikey_enabled and len(set(self.apikeys)) < keys:
            raise Misconfigured("apikey_allowed_keys holds the same key twice; give each user a key of their own")
        if not self.anonymous and not self.has_users:
            raise Misconfigured(
                "anonymous access is off and nothing else is on; set AUTHENTICATION_APIKEY_ENABLED=true with keys"
            )
        if self.admin_list.enabled and self.rbac.enabled:
            raise Misconfigured("adminlist_enabled and rbac_enabled exclude each other; set only one of them")
        if self.rbac.enabled and not self.has_users:
            raise Misconfigured(
                "roles are on, but no users are; set AUTHENTICATION_APIKEY_ENABLED=true with keys, or "
                "AUTHENTICATION_OIDC_ENABLED=true"
            )
