"""The variables of the environment as settings."""

import tomllib
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from serving.access.settings import OIDC_SECRET, SESSION_SECRET
from serving.crm.settings import SECRETS as OF_A_CRM
from serving.messages.settings import EMAIL_URL, OPERATIONS_URL, SLACK_URL

SECRETS = (SESSION_SECRET, OIDC_SECRET, SLACK_URL, EMAIL_URL, OPERATIONS_URL, *OF_A_CRM)
MOST_HOURS = "HEADROOM_MOST_HOURS"
"""How long a flow of this process may run; a deployment says it in prefect.yaml."""
NOT_SETTINGS = frozenset({"headroom_all_tests", "headroom_bases", *map(str.lower, (MOST_HOURS, *SECRETS))})
"""Variables of the tests and of a deployment, and the secrets of a sign-in, of channels and of a CRM."""


class Variables(EnvSettingsSource):
    """``HEADROOM_MLRUNS`` is ``mlruns``; ``HEADROOM_SOURCE__URL`` is ``[source].url``; lists as in the file.

    pydantic-settings passes over a variable that leads to no setting. Here a slip must not go unseen: such a variable
    is a value of its own name, which no setting has, and is refused like a slip in the file.
    """

    def __init__(self, settings: type[BaseModel], prefix: str) -> None:
        # Only the fields of the class are asked for, and any model has those. If it were a ``BaseSettings``, Settings()
        # would read the variables also where the defaults are wanted.
        super().__init__(settings, env_prefix=prefix, env_nested_delimiter="__")  # type: ignore[arg-type]

    def __call__(self) -> dict[str, Any]:
        names = [
            name for name in self.env_vars if name.startswith(self.env_prefix.lower()) and name not in NOT_SETTINGS
        ]
        astray = [name for name in names if not self._leads_somewhere(name)]
        self.env_vars = {name: self.env_vars[name] for name in names if name not in astray}
        return dict.fromkeys(map(self._place, astray)) | super().__call__()

    def _leads_somewhere(self, name: str) -> bool:
        setting: Any = self.settings_cls
        for part in self._place(name).split("."):
            setting = self.next_field(setting, part)
        return setting is not None

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ARG002
        """A list is written as in the file; what cannot be read stays text, and is refused by its name."""
        if not value.lstrip().startswith("["):
            return value
        try:
            return tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            return value

    def _place(self, variable: str) -> str:
        return variable.removeprefix(self.env_prefix.lower()).replace("__", ".")
