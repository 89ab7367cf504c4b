"""The settings of addresses: who reaches the server, and what they must show."""

import os
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from fhirexport_server.audit_settings import AuditSettings
from fhirexport_server.certificates.key_pair import CertificateFile
from fhirexport_server.identities import fetched_keys
from fhirexport_server.identities.key_set import ALGORITHMS
from fhirexport_server.identities.web_tokens import TokenRules
from fhirexport_server.runtime.listening import is_loopback

OFF: Final = "off"
"""The METRICS_ADDRESS that serves no metrics."""
_WAYS: Final = ("tls_client_ca", "jwt_issuer", "tokens_file")
"""The settings of which each is a way to ask who calls."""
_OF_JWT: Final = ("jwt_audience", "jwt_jwks")


def credentials_directory() -> Path | None:
    """Return where files named like settings hold their values: what `CREDENTIALS_DIRECTORY` names, if set.

    systemd sets it for `LoadCredential=`; in containers it names the folder that secrets are mounted to.

    Raises:
      SettingsError: It is no directory that can be read.
    """
    name = os.environ.get("CREDENTIALS_DIRECTORY")
    if not name:
        return None
    directory = Path(name)
    if not (directory.is_dir() and os.access(directory, os.R_OK | os.X_OK)):
        raise SettingsError("CREDENTIALS_DIRECTORY: must be a directory that can be read")
    return directory


def _others_reach(address: str) -> bool:
    return address != OFF and not is_loopback(address)


class AccessSettings(AuditSettings):
    """Where the server listens, how it encrypts, and how it finds out who calls."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",  # `.env` is shared with other programs, such as the client
        hide_input_in_errors=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where values come from, the first that has one wins."""
        del file_secret_settings
        credentials = SecretsSettingsSource(settings_cls, credentials_directory())
        return init_settings, env_settings, credentials, dotenv_settings

    insecure: bool = False
    """Let others reach what asks nobody who they are or encrypts nothing: `LISTEN_ADDRESS`,
    `METRICS_ADDRESS`, and a Redis on another machine."""
    tls_certificate: Path | None = None
    """The server's certificate, its issuers after it, in PEM: gRPC is then served with TLS. This file and the
    three below are read again each second: what is good replaces what was, without a restart."""
    tls_key: Path | None = Field(default=None, validate_default=True)
    """The key of the certificate, in PEM, without a password."""
    tls_client_ca: Path | None = None
    """The authorities whose certificates callers must show (mutual TLS), in PEM."""
    metrics_client_ca: Path | None = None
    """The authorities whose certificates those who read the metrics must show: the page is then served as
    `https`, with the server's certificate."""
    jwt_issuer: str | None = None
    """The issuer (`iss`) of the bearer JWTs that callers may send, exactly."""
    jwt_audience: str | None = Field(default=None, validate_default=True)
    """The audience (`aud`) that they must be for, exactly."""
    jwt_jwks: str | None = Field(default=None, validate_default=True)
    """The issuer's keys (JWKS): a file, which is read again each second, or an https URL, which is fetched
    again every five minutes."""
    jwt_algorithms: str = ",".join(ALGORITHMS)
    """What they may be signed by, separated by commas."""
    jwt_single_use: bool = False
    """Accept each JWT once. It needs a `jti`, and expires within five minutes."""
    tokens_file: Path | None = None
    """The names of callers with the hashes of their static tokens, in TOML. It is read again each second."""
    policy_file: Path | None = None
    """The policy, in TOML: who may do what (docs/security.md). It is read again each second. Without one,
    whoever gets in may do everything."""
    listen_address: str = "127.0.0.1:50051"
    """Where to serve gRPC: `host:port` or `unix:/path/of.sock`. Port 0 takes a free one. An address that
    other machines can reach needs `TLS_CERTIFICATE`, `TLS_KEY`, one of `TLS_CLIENT_CA`, `JWT_ISSUER` and
    `TOKENS_FILE`, `POLICY_FILE`, and `AUDIT_DIRECTORY`; or `INSECURE=true`."""
    metrics_address: str = "127.0.0.1:9464"
    """Where to serve the metrics, `http://host:port/metrics`. An address that other machines can reach needs
    `METRICS_CLIENT_CA`, or `INSECURE=true`; `off` serves none."""
    reflection: bool | None = None
    """Describe the contract to tools (gRPC reflection). Left out, only where nobody is asked who they are and
    no other machine reaches `LISTEN_ADDRESS`."""

    @field_validator("metrics_address", mode="before")
    @classmethod
    def _address_or_off(cls, value: object) -> object:
        if not isinstance(value, str) or value == OFF:
            return value
        try:
            is_loopback(value)
        except ValueError:
            value = "unix:"
        if value.startswith("unix:"):
            raise ValueError(f"must be host:port, such as 127.0.0.1:9464 or [::1]:9464, or {OFF}")
        return value

    @field_validator("tls_key", "tls_client_ca", "metrics_client_ca")
    @classmethod
    def _of_a_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        certificate = info.data.get("tls_certificate")
        if info.field_name == "tls_key" and value is None and certificate is not None:
            raise ValueError("must be the file of the key of TLS_CERTIFICATE")
        if value is not None and certificate is None:
            raise ValueError("needs TLS_CERTIFICATE as well")
        return value

    @field_validator(*_OF_JWT)
    @classmethod
    def _of_an_issuer(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is None) != (info.data.get("jwt_issuer") is None):
            wanted = "must be set as well as JWT_ISSUER" if value is None else "needs JWT_ISSUER as well"
            raise ValueError(wanted)
        return value

    @field_validator("policy_file")
    @classmethod
    def _of_known_callers(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        # What is refused itself is not in the data, and told by its own name.
        if value is not None and all(name in info.data and info.data[name] is None for name in _WAYS):
            raise ValueError(
                f"needs {_one_of(_WAYS)} as well: a policy is for callers who prove who they are"
            )
        return value

    @field_validator("jwt_jwks")
    @classmethod
    def _file_or_https(cls, value: str | None) -> str | None:
        if value is not None and "://" in value and not fetched_keys.URL.fullmatch(value):
            raise ValueError("must be a file, or an https URL without a user and a fragment")
        return value

    @field_validator("jwt_algorithms")
    @classmethod
    def _known_algorithms(cls, value: str) -> str:
        given = [name.strip() for name in value.split(",")]
        if not set(given) <= set(ALGORITHMS):
            raise ValueError(f"must be of {', '.join(ALGORITHMS)}, separated by commas")
        return ",".join(given)

    @field_validator("listen_address", "metrics_address")
    @classmethod
    def _safe_address(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("insecure") is not False or not _others_reach(value):
            return value
        # What is refused itself is not in the data, and told by its own name.
        needed = [
            name.upper()
            for name in ("tls_certificate", "tls_key")
            if name in info.data and info.data[name] is None
        ]
        is_grpc = info.field_name == "listen_address"
        ways = _WAYS if is_grpc else ("metrics_client_ca",)
        if all(name in info.data and info.data[name] is None for name in ways):
            needed.append(_one_of(ways))
        if is_grpc and "policy_file" in info.data and info.data["policy_file"] is None:
            needed.append("POLICY_FILE")
        if is_grpc and "audit_directory" in info.data and info.data["audit_directory"] is None:
            needed.append("AUDIT_DIRECTORY")
        if needed:
            raise ValueError(
                f"can be reached from other machines: set {', '.join(needed)} as well (docs/security.md), "
                "listen on 127.0.0.1, or set INSECURE=true on a network that you trust"
            )
        return value

    @property
    def certificate_files(self) -> dict[CertificateFile, Path]:
        """The files of certificates and keys that are set."""
        files = {file: getattr(self, file.value.lower()) for file in CertificateFile}
        return {file: path for file, path in files.items() if path is not None}

    @property
    def token_rules(self) -> TokenRules | None:
        """What bearer JWTs must be; None where none is accepted."""
        if self.jwt_issuer is None or self.jwt_audience is None:
            return None
        names = tuple(self.jwt_algorithms.split(","))
        return TokenRules(self.jwt_issuer, self.jwt_audience, names, single_use=self.jwt_single_use)

    @property
    def asks_who_calls(self) -> bool:
        """Whether each call must show something."""
        return any(getattr(self, name) is not None for name in _WAYS)

    @property
    def serves_reflection(self) -> bool:
        """Whether the server describes its contract to tools."""
        if self.reflection is None:
            return not self.asks_who_calls and not _others_reach(self.listen_address)
        return self.reflection

    @property
    def lacks_audit(self) -> bool:
        """Whether other machines are given what nobody writes down."""
        return self.audit_path is None and _others_reach(self.listen_address)

    @property
    def insecure_addresses(self) -> list[str]:
        """The settings of addresses that others reach without TLS, proof of identity, rights, or an audit."""
        is_asked = self.asks_who_calls and self.policy_file is not None and self.audit_directory is not None
        safe = {
            "LISTEN_ADDRESS": self.tls_certificate is not None and is_asked,
            "METRICS_ADDRESS": self.metrics_client_ca is not None,
        }
        unsafe = (name for name, is_safe in safe.items() if not is_safe)
        return [name for name in unsafe if _others_reach(getattr(self, name.lower()))]


def _one_of(names: tuple[str, ...]) -> str:
    *others, last = (name.upper() for name in names)
    return f"one of {', '.join(others)} and {last}" if others else last
