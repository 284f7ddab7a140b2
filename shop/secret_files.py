"""Secrets from files, as container engines hand them over: `NAME_FILE` instead of `NAME`."""

import os
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

SUFFIX = "_FILE"


class SecretFiles(PydanticBaseSettingsSource):
    """Reads every setting that is a secret from the file that its variable with `_FILE` names.

    What cannot be read, or is given both ways, is refused with `ValueError`: a secret that is
    silently left out would open what it is to close.
    """

    def __init__(self, settings: type[BaseSettings]) -> None:
        super().__init__(settings)
        self._environment = {name.upper(): value for name, value in os.environ.items()}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        name = field_name.upper()
        path = self._environment.get(name + SUFFIX)
        if not path or not _is_secret(field):
            return None, field_name, False
        if self._environment.get(name):
            raise ValueError(f"{name} and {name}{SUFFIX} are both set; use one of them")
        try:
            text = Path(path).read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ValueError(f"{name}{SUFFIX}: {path} cannot be read: {reason}") from None
        # Editors and `echo` end a file with a newline that is no part of the secret.
        return text.rstrip("\r\n"), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}


def _is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in repr(field.annotation) or field.annotation is SecretStr
