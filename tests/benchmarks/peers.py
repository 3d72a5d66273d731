"""Other before-queue filters to compare with, where they are installed, each with the forms of our default rules.

amavis (Debian's `amavisd-new`) decodes each mail and asks a custom hook; Haraka (`npm install Haraka`, its program on
PATH) asks a plugin. Both search the text for the regular expressions with which our rules find numbers that prove
themselves; neither weighs what it finds, and neither keeps a journal. Everything lies in a temporary folder.
"""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Final

from dlp_gateway import packs
from dlp_gateway.detect.identifier_rules import load_rules

_AMAVIS: Final = r"""
use strict;
$max_servers = {servers};
$daemon_user = 'amavis'; $daemon_group = 'amavis';
$MYHOME = '{folder}/work'; $TEMPBASE = $MYHOME; $db_home = undef; $lock_file = "$MYHOME/amavisd.lock";
$pid_file = "$MYHOME/amavisd.pid"; $daemonize = 0; $do_syslog = 0; $log_level = 0; $logfile = "$MYHOME/log";
$enable_db = 0; $enable_zmq = 0; $nanny_details_level = 0;
$myhostname = 'amavis.example.com'; $mydomain = 'example.com'; @local_domains_maps = (1);
$inet_socket_bind = '127.0.0.1'; $inet_socket_port = {port};
$forward_method = 'smtp:[127.0.0.1]:{next_port}'; $notify_method = $forward_method;
@bypass_virus_checks_maps = (1); @bypass_spam_checks_maps = (1); @bypass_banned_checks_maps = (1);
$enable_dkim_verification = 0; $enable_dkim_signing = 0; $smtp_connection_cache_enable = 1;
$max_requests = 100000; $child_timeout = 60;
include_config_files('{folder}/custom.conf');
1;
"""
_AMAVIS_HOOK: Final = r"""
package Amavis::Custom;
use strict;
use JSON::PP;
my @patterns;
BEGIN {{
  local $/; open(my $file, '<', '{folder}/patterns.json') or die $!;
  @patterns = map {{ qr/$_/i }} @{{decode_json(<$file>)}};
}}
sub new {{ my($class) = @_; bless {{}}, $class }}
sub checks {{
  my($self, $conn, $msginfo) = @_;
  my $file = $msginfo->mail_text;
  my $text;
  if (ref $file eq 'SCALAR') {{ $text = $$file }} else {{ local $/; $file->seek(0, 0); $text = <$file> }}
  for my $pattern (@patterns) {{ return if $text =~ $pattern }}
}}
1;
"""
_HARAKA_PLUGIN: Final = r"""
'use strict'
const patterns = []
for (const one of JSON.parse(require('fs').readFileSync('{folder}/patterns.json'))) {{
  try {{ patterns.push(new RegExp(one, 'i')) }} catch (error) {{ /* what only other engines know */ }}
}}
exports.hook_data = (next, connection) => {{ connection.transaction.parse_body = true; next() }}
exports.hook_data_post = (next, connection) => {{
  const texts = []
  const walk = (body) => {{ texts.push(body.bodytext); body.children.forEach(walk) }}
  walk(connection.transaction.body)
  for (const text of texts) if (patterns.some((one) => one.test(text))) break
  next()
}}
"""


def patterns() -> tuple[str, ...]:
    """Return the regular expressions of the default rules."""
    return tuple(rule.find_source for rule in load_rules(packs.builtin()).rules if rule.find_source)


async def amavis(folder: Path, port: int, next_port: int, servers: int) -> asyncio.subprocess.Process | None:
    """Start amavis in `folder`; None if it is not installed."""
    program = shutil.which("amavisd") or shutil.which("amavisd-new")
    if program is None:
        return None
    values = {"folder": folder, "port": port, "next_port": next_port, "servers": servers}
    config = _filled(_AMAVIS, values)
    (folder / "amavisd.conf").write_text(config, encoding="utf-8")
    (folder / "custom.conf").write_text(_AMAVIS_HOOK.format_map(values), encoding="utf-8")
    (folder / "patterns.json").write_text(json.dumps(patterns()), encoding="utf-8")
    folder.chmod(0o755)  # noqa: ASYNC240  nothing else runs yet; its configuration must not be its own user's
    (folder / "work").mkdir()
    shutil.chown(folder / "work", "amavis", "amavis")
    return await _started(program, "-c", str(folder / "amavisd.conf"), "foreground", folder=folder)


async def haraka(folder: Path, port: int, next_port: int, nodes: int) -> asyncio.subprocess.Process | None:
    """Start Haraka in `folder`; None if it is not installed."""
    program = shutil.which("haraka")
    if program is None:
        return None
    config, plugins = folder / "config", folder / "plugins"
    shutil.copytree(Path(program).resolve().parents[1] / "config", config)  # noqa: ASYNC240  as above
    plugins.mkdir()
    (folder / "patterns.json").write_text(json.dumps(patterns()), encoding="utf-8")
    (plugins / "patterns.js").write_text(_HARAKA_PLUGIN.format(folder=folder), encoding="utf-8")
    for name, text in {
        "plugins": "take_everybody\npatterns\nqueue/smtp_forward\n",
        "smtp.ini": f"listen=127.0.0.1:{port}\nnodes={nodes}\n",
        "smtp_forward.ini": f"host=127.0.0.1\nport={next_port}\nenable_outbound=false\n",
        "loglevel": "CRIT\n",
        "me": "haraka.example.com\n",
        "host_list": "example.net\n",
    }.items():
        (config / name).write_text(text, encoding="utf-8")
    (plugins / "take_everybody.js").write_text("exports.hook_rcpt = (next) => next(OK)\n", encoding="utf-8")
    return await _started(program, "-c", str(folder), folder=folder)


def _filled(text: str, values: dict[str, object]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


async def _started(*command: str, folder: Path) -> asyncio.subprocess.Process:
    with (folder / "out").open("wb") as out:
        return await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd=folder
        )
