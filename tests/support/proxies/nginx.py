"""nginx in front of several servers, from Debian's package, on a free port of the loopback: each request to the next one."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.loopback_http import free_port

PROGRAM = shutil.which("nginx")
"""None: the package `nginx` is not installed."""
_CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream replicas {{ {servers} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://replicas;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      {headers}
      proxy_buffering off; proxy_request_buffering off; client_max_body_size 0;
      proxy_read_timeout 150s;
      add_header X-Replica $upstream_addr always;
    }}
  }}
}}
"""
_TELLS_WHO_ASKS = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
_TELLS_WHAT_IT_WAS_TOLD = "proxy_set_header Host $http_host; proxy_pass_header X-Accel-Buffering;"


@contextmanager
def proxying(folder: Path, ports: Sequence[int], *, is_transparent: bool = False) -> Iterator[str]:
    """The address of the proxy of these ports; it takes connections. `is_transparent`: it adds no header to
    a request, and takes no server for gone."""
    assert PROGRAM is not None
    port = free_port()
    servers = " ".join(f"server 127.0.0.1:{each}{' max_fails=0' if is_transparent else ''};" for each in ports)
    headers = _TELLS_WHAT_IT_WAS_TOLD if is_transparent else _TELLS_WHO_ASKS
    file = folder / "nginx.conf"
    file.write_text(_CONFIGURATION.format(folder=folder, servers=servers, port=port, headers=headers))
    process = subprocess.Popen([PROGRAM, "-c", file, "-p", folder], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not _listens(port):
            assert process.poll() is None, (folder / "error.log").read_text()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
