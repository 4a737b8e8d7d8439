"""Settings: where they come from, which wins, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.config import SETTINGS, Settings, load_settings
from weft.domain.errors import Misconfigured
from weft.settings.setting import sections


def test_defaults() -> None:
    assert load_settings(environ={}) == Settings()


def test_flags_over_environment_over_file(tmp_path: Path) -> None:
    file = tmp_path / "weft.toml"
    file.write_text('port = 1\ngrpc_port = 2\nquery_defaults_limit = 3\nenable_modules = ["a", "b"]\n')
    environ = {"GRPC_PORT": "20", "QUERY_DEFAULTS_LIMIT": "30", "PERSISTENCE_DATA_PATH": "/data", "HOME": "/root"}
    settings = load_settings({"query_defaults_limit": "300"}, environ, file)
    assert (settings.rest.port, settings.grpc.port, settings.query.default_limit) == (1, 20, 300)
    assert settings.modules.enabled == ("a", "b")
    assert settings.storage.data_path == Path("/data")


@pytest.mark.parametrize(
    ("flags", "environ", "words"),
    [
        ({"prot": "1"}, {}, "unknown setting 'prot'"),
        ({}, {"WEFT_PROT": "1"}, "unknown setting WEFT_PROT"),
        ({"port": "eighty"}, {}, "port must be an integer"),
        ({"port": "70000"}, {}, "from 0 to 65535"),
        ({}, {"AUTOSCHEMA_ENABLED": "perhaps"}, "AUTOSCHEMA_ENABLED must be true or false"),
        ({"query_defaults_limit": "0"}, {}, "at least 1"),
        ({"default_vector_index": "lsh"}, {}, "one of hnsw"),
        ({"default_vector_index": "dynamic"}, {}, "ASYNC_INDEXING"),
        ({}, {"DEFAULT_SHARDING_COUNT": "12"}, "default_sharding_count must be 1, not 12"),
        ({"apikey_enabled": "true"}, {}, "at least one key"),
        ({"anonymous_access": "false"}, {}, "nothing else is on"),
        (
            {"apikey_enabled": "true", "apikey_allowed_keys": "a,a", "apikey_users": "jane,john"},
            {},
            "the same key twice",
        ),
        ({"oidc_enabled": "true"}, {}, "without oidc_issuer, oidc_username_claim, oidc_client_id"),
        (
            {"oidc_enabled": "true", "oidc_issuer": "i", "oidc_username_claim": "sub", "oidc_client_id": "c"},
            {
                "AUTHENTICATION_OIDC_CERTIFICATE": "pem",
                "AUTHENTICATION_OIDC_INSECURE_SKIP_TLS_VERIFY": "true",
            },
            "exclude each other",
        ),
        ({"rbac_enabled": "true"}, {}, "no users are"),
        ({"rbac_enabled": "true", "adminlist_enabled": "true"}, {}, "exclude each other"),
    ],
)
def test_refusals_name_the_setting(flags: dict[str, str], environ: dict[str, str], words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        load_settings(flags, environ)


def test_unknown_keys_and_broken_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "weft.toml"
    file.write_text("prot = 1\n")
    with pytest.raises(Misconfigured, match="unknown setting 'prot'"):
        load_settings(environ={}, file=file)
    file.write_text("port = = 1\n")
    with pytest.raises(Misconfigured, match="is not TOML"):
        load_settings(environ={}, file=file)
    with pytest.raises(Misconfigured, match="cannot read"):
        load_settings(environ={}, file=tmp_path / "missing.toml")


def test_variables_of_the_command_line_are_no_settings() -> None:
    assert load_settings(environ={"WEFT_API_KEY": "x", "WEFT_CONFIG": "y"}) == Settings()


def test_one_user_for_every_key_or_one_each() -> None:
    keys = {"apikey_enabled": "true", "apikey_allowed_keys": "a,b"}
    assert load_settings({**keys, "apikey_users": "jane"}, {}).access.apikey_users == ("jane",)
    assert load_settings({**keys, "apikey_users": "jane,john"}, {}).access.apikey_users == ("jane", "john")
    with pytest.raises(Misconfigured, match="2 keys and 3 users"):
        load_settings({**keys, "apikey_users": "a,b,c"}, {})


@pytest.mark.parametrize("way", ["apikey_enabled", "db_users_enabled", "oidc_enabled"])
def test_strangers_are_let_in_only_where_there_are_no_users(way: str) -> None:
    flags = {
        way: "true",
        "apikey_allowed_keys": "a",
        "apikey_users": "jane",
        "oidc_issuer": "i",
        "oidc_username_claim": "sub",
        "oidc_skip_client_id_check": "true",
    }
    assert not load_settings(flags, {}).access.anonymous
    assert load_settings(flags, {"AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true"}).access.anonymous
    assert load_settings({}, {}).access.anonymous


USERS = {"apikey_enabled": "true", "apikey_allowed_keys": "a", "apikey_users": "jane"}


@pytest.mark.parametrize("flags", [USERS, {"db_users_enabled": "true"}, {"host": "0.0.0.0"}, {"host": "::"}])
def test_where_others_may_call_requests_name_no_addresses_of_their_own(flags: dict[str, str]) -> None:
    settings = load_settings(flags, {})
    assert not settings.backup.dynamic_location and settings.modules.providers.public_only
    assert not settings.modules.providers.private_errors
    environ = {"WEFT_BACKUP_DYNAMIC_LOCATION": "true", "MODULES_VALIDATE_BASE_URL": "false"}
    settings = load_settings(flags, environ)
    assert settings.backup.dynamic_location and not settings.modules.providers.public_only


@pytest.mark.parametrize("flags", [{}, {"host": "localhost"}, {"host": "::1"}, {"host": "127.0.0.2"}])
def test_on_a_machine_of_ones_own_they_may(flags: dict[str, str]) -> None:
    settings = load_settings(flags, {})
    assert settings.backup.dynamic_location and not settings.modules.providers.public_only


def test_a_variable_may_have_an_older_name() -> None:
    keys = {"apikey_enabled": "true", "apikey_allowed_keys": "a", "apikey_users": "jane"}
    older = {"AUTHORIZATION_ENABLE_RBAC": "true", "AUTHORIZATION_ADMIN_USERS": "jane"}
    settings = load_settings(keys, older)
    assert settings.access.rbac.enabled and settings.access.rbac.root_users == ("jane",)
    for names in ({**older, "AUTHORIZATION_RBAC_ROOT_USERS": "joe"}, {"AUTHORIZATION_RBAC_ROOT_USERS": "joe", **older}):
        assert load_settings(keys, names).access.rbac.root_users == ("joe",)


@pytest.mark.parametrize(
    ("written", "seconds"), [("50", 50), ("2.5", 2.5), ("50s", 50), ("1m30s", 90), ("500ms", 0.5), ("1h", 3600)]
)
def test_times_are_durations_or_seconds(written: str, seconds: float) -> None:
    assert load_settings(environ={"MODULES_CLIENT_TIMEOUT": written}).modules.providers.timeout_s == seconds


@pytest.mark.parametrize("written", ["soon", "", "0", "-1", "2h", "nan", "5 s", "1s soon"])
def test_times_that_cannot_be_are_refused(written: str) -> None:
    with pytest.raises(Misconfigured, match=r"(?i)modules_client_timeout"):
        load_settings(environ={"MODULES_CLIENT_TIMEOUT": written})


@pytest.mark.parametrize(
    "schedule", ["hourly", "* * * *", "61 * * * *", "0 0 30 2 *", "@every soon", "@every -5", "@every 0s"]
)
def test_a_schedule_that_cannot_be_is_refused(schedule: str) -> None:
    with pytest.raises(Misconfigured, match="objects_ttl_delete_schedule"):
        load_settings({"objects_ttl_delete_schedule": schedule}, {})


@pytest.mark.parametrize(
    ("module", "variable"), [("backup-filesystem", "BACKUP_FILESYSTEM_PATH"), ("backup-s3", "BACKUP_S3_BUCKET")]
)
def test_a_module_needs_its_place(module: str, variable: str) -> None:
    with pytest.raises(Misconfigured, match=variable):
        load_settings({"enable_modules": module}, {})


def test_every_setting_has_a_key_a_variable_and_a_text_of_its_own() -> None:
    declared = [one for _, section in sections(Settings) for one in section]
    assert len(declared) == len(SETTINGS)
    assert len({one.env for one in declared}) == len(declared)
    assert all(one.help for one in declared)
