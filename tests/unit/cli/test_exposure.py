"""What a server warns of at its start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from weft.cli.exposure import exposures
from weft.config import load_settings

KEYS: dict[str, Any] = {"apikey_enabled": True, "apikey_allowed_keys": "secret", "apikey_users": "ada"}


def warned(
    tmp_path: Path, flags: dict[str, Any], others: dict[str, Any] | None = None, file: Path | None = None
) -> list[str]:
    """``flags`` are on the command line, ``others`` are not."""
    settings = load_settings({"data_path": tmp_path / "data", **(others or {}), **flags}, {}, file)
    return list(exposures(settings, flags, file))


def test_nothing_by_default(tmp_path: Path) -> None:
    assert warned(tmp_path, {}) == []
    assert warned(tmp_path, {}, KEYS) == []


def test_a_server_that_is_open_to_the_network(tmp_path: Path) -> None:
    (anyone,) = warned(tmp_path, {"host": "0.0.0.0"})
    assert "anyone who can reach 0.0.0.0" in anyone
    (unencrypted,) = warned(tmp_path, {"host": "0.0.0.0"}, KEYS)
    assert "without encryption" in unencrypted
    encrypted = {"tls_certificate": "a", "tls_key": "b"}
    assert warned(tmp_path, {"host": "0.0.0.0"}, KEYS | encrypted) == []
    half = {"grpc_cert_file": "a", "grpc_key_file": "b"}
    assert len(warned(tmp_path, {"host": "0.0.0.0"}, KEYS | half)) == 1


def test_keys_on_the_command_line(tmp_path: Path) -> None:
    (warning,) = warned(tmp_path, KEYS)
    assert "--apikey-allowed-keys" in warning and "AUTHENTICATION_APIKEY_ALLOWED_KEYS" in warning
    assert "secret" not in warning


def test_a_file_with_keys_that_others_can_read(tmp_path: Path) -> None:
    file = tmp_path / "weft.toml"
    file.write_text('apikey_enabled = true\napikey_allowed_keys = ["secret"]\napikey_users = ["ada"]\n')
    file.chmod(0o600)
    assert warned(tmp_path, {}, file=file) == []
    file.chmod(0o644)
    (warning,) = warned(tmp_path, {}, file=file)
    assert str(file) in warning


@pytest.mark.parametrize("key", ["data_path", "backup_filesystem_path"])
def test_folders_that_others_can_look_into(tmp_path: Path, key: str) -> None:
    folder = tmp_path / "there"
    folder.mkdir(mode=0o700)
    assert warned(tmp_path, {key: str(folder)}) == []
    folder.chmod(0o755)
    (warning,) = warned(tmp_path, {key: str(folder)})
    assert f"chmod o-rwx {folder}" in warning
