"""The supervisor and the environment its programs run in."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from flows.configuration import sources_by_name
from flows.launch.locks import USUAL_PREFECT_PORT
from flows.launch.tether import tether_to_parent
from shared.settings import HOME, Settings

CONFIGURATION = Path(__file__).with_name("supervisord.conf")
PREFECT_LOGGING = HOME / "flows" / "orchestration" / "logging.yml"
PREFECT_DEFAULTS = {
    "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_CLEANUP_RECONCILER_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "30",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "30",
    "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_REPOSSESSOR_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "30",
}
"""What Prefect looks after in the background, by itself every 5 to 20 s; no run that was asked for waits for any of it. Where
the environment sets one of these, that holds."""
STOP_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Launch:
    """One start: where its programs are to be found."""

    web_url: str
    prefect_url: str
    """Prefect's UI; its API is below /api."""
    own_prefect: bool
    """False: PREFECT_API_URL names a server that somebody else runs."""
    reads_book: bool
    """False: only the web server runs, and answers from an index that is filled from elsewhere."""
    admin_key: str
    admin_key_file: Path | None
    """Where the key of this start is written; None when ADMIN_API_KEY was set."""
    prefect_auth: SecretStr | None
    """What Prefect's API asks for; None: a Prefect that somebody else runs asks for nothing."""
    prefect_auth_file: Path | None
    """Where it is kept when it was made here; None when PREFECT_API_AUTH_STRING was set."""
    logs: Path
    started: datetime


def prepare_launch(settings: Settings, prefect_port: int = USUAL_PREFECT_PORT) -> Launch:
    """Choose addresses and keys; makes the folders of logs and of what lives as long as this start."""
    logs, run = settings.data_dir / "logs", settings.data_dir / "run"
    for folder in (logs, run):
        folder.mkdir(parents=True, exist_ok=True)
    key, key_file = _admin_key(settings, run)
    auth, auth_file = _prefect_auth(settings)
    own_prefect = settings.prefect_api_url is None
    api_url = settings.prefect_api_url or f"http://127.0.0.1:{prefect_port}/api"
    return Launch(
        web_url=f"http://{_reachable(settings.host)}:{settings.port}",
        prefect_url=api_url.rstrip("/").removesuffix("/api"),
        own_prefect=own_prefect,
        reads_book=settings.reads_book,
        admin_key=key,
        admin_key_file=key_file,
        prefect_auth=auth,
        prefect_auth_file=auth_file,
        logs=logs,
        started=datetime.now(UTC),
    )


def _admin_key(settings: Settings, run: Path) -> tuple[str, Path | None]:
    """The configured key, or a new one that is good for this start and only for whoever can read this user's files."""
    if settings.admin_api_key is not None:
        return settings.admin_api_key.get_secret_value(), None
    path = run / "admin-key"
    return _write_secret(path, secrets.token_urlsafe(24)), path


def _prefect_auth(settings: Settings) -> tuple[SecretStr | None, Path | None]:
    """The configured one; or, for our own Prefect, the one made at the first start: the browser that was given it remembers."""
    if settings.prefect_api_auth_string is not None or settings.prefect_api_url is not None:
        return settings.prefect_api_auth_string, None
    path = settings.data_dir / "prefect-auth"
    kept = path.read_text(encoding="ascii", errors="replace").strip() if path.exists() else ""
    return SecretStr(_write_secret(path, kept or f"admin:{secrets.token_urlsafe(24)}")), path


def _write_secret(path: Path, secret: str) -> str:
    """The secret, in a file that only this user can read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(secret + "\n", encoding="ascii")
    return secret


def _reachable(host: str) -> str:
    """An address at which this machine reaches what listens on `host`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  translated, not bound
    return f"[{host}]" if ":" in host else host


def environment(settings: Settings, launch: Launch) -> dict[str, str]:
    """What the programs find in their environment: the caller's, with addresses and paths made definite."""
    port = launch.prefect_url.rpartition(":")[2]
    # In production everything goes to standard output, which the platform keeps; elsewhere to files.
    in_production = settings.environment == "production"
    logs = {name: "/dev/fd/1" if in_production else str(launch.logs / f"{name}.log") for name in ("web", "prefect", "worker")}
    prefect = {
        "PREFECT_HOME": str(settings.data_dir / "prefect"),
        "PREFECT_API_URL": f"{launch.prefect_url}/api",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": port if launch.own_prefect else str(USUAL_PREFECT_PORT),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(settings.data_dir / "prefect" / "ui"),
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_CLI_COLORS": "false",
        "PREFECT_LOGGING_CONFIG_PATH": str(PREFECT_LOGGING),
        "PREFECT_LOGGING_LEVEL": settings.log_level,
    }
    programs = {
        "LECTERN_PYTHON": sys.executable,
        "LECTERN_LOGS": str(launch.logs),
        "LECTERN_RUN": str(launch.logs.parent / "run"),
        "LECTERN_START_PREFECT": str(launch.own_prefect and launch.reads_book).lower(),
        "LECTERN_START_WORKER": str(launch.reads_book).lower(),
        **{f"LECTERN_{name.upper()}_LOG": path for name, path in logs.items()},
        "LECTERN_LOG_BYTES": "0" if in_production else "5MB",
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
        "PYTHONUNBUFFERED": "1",
    }
    ours = {"BOOK_SOURCE": settings.book_source, "DATA_DIR": str(settings.data_dir), "ADMIN_API_KEY": launch.admin_key}
    ours |= sources_by_name()
    if launch.prefect_auth is not None:
        auth = launch.prefect_auth.get_secret_value()
        ours |= {"PREFECT_API_AUTH_STRING": auth, "PREFECT_SERVER_API_AUTH_STRING": auth}
    return PREFECT_DEFAULTS | os.environ | prefect | programs | ours


def start_supervisor(settings: Settings, launch: Launch) -> subprocess.Popen[bytes]:
    """supervisord in a session of its own: Ctrl-C and a closed terminal reach it through us, once, as SIGTERM."""
    return subprocess.Popen(  # noqa: S603  our own interpreter and configuration
        [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(CONFIGURATION)],
        env=environment(settings, launch),
        cwd=HOME,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=tether_to_parent,  # noqa: PLW1509  no thread has been started
    )


def stop_supervisor(supervisor: subprocess.Popen[bytes]) -> int:
    """Stop every program and wait for it; supervisord's exit code."""
    if supervisor.poll() is None:
        supervisor.send_signal(signal.SIGTERM)
    try:
        return supervisor.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        return supervisor.wait()
