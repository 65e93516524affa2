"""Renders `.env.example` and `docs/settings.md` from `Settings`: run `make reference` after changing a setting.

`tests/policy/test_policy.py` fails while either differs from what this renders.
"""

from __future__ import annotations

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared.settings import HOME, Settings

_HEAD = """\
# Every setting of Lectern, with its default. Copy to `.env` and change what you need; an empty value means the default.
# Rendered from shared/settings.py by `make reference`.
"""


def render_env_example() -> str:
    """`.env.example`: one commented line of explanation and one `NAME=default` line per setting."""
    entries = [f"# {_one_line(field)}\n{name.upper()}={_default(field)}" for name, field in Settings.model_fields.items()]
    return _HEAD + "\n" + "\n\n".join(entries) + "\n"


def render_settings_page() -> str:
    """`docs/settings.md`: the same as a table."""
    rows = [
        f"| `{name.upper()}` | {f'`{default}`' if (default := _default(field)) else ''} | {_one_line(field)} |"
        for name, field in Settings.model_fields.items()
    ]
    return (
        "# Settings\n\nLectern reads its settings from the environment and from a `.env` file in the working directory; the\n"
        "environment wins. An empty value means the default.\n\n"
        "| Setting | Default | What it is |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def _one_line(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def _default(field: FieldInfo) -> str:
    value: object = field.default
    if value is None or isinstance(value, SecretStr):
        return ""
    return ",".join(str(part) for part in value) if isinstance(value, tuple) else str(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


if __name__ == "__main__":
    (HOME / ".env.example").write_text(render_env_example(), encoding="utf-8")
    (HOME / "docs" / "settings.md").write_text(render_settings_page(), encoding="utf-8")
