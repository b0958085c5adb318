"""What is hazardous in each language, by name: a catalogue (fde_extraction.hazard looks it up)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fde_extraction.hazard import Kind

_PYTHON: Final[tuple[tuple[Kind, str], ...]] = (
    ("shell", "os.system os.popen subprocess.run subprocess.call subprocess.Popen subprocess.check_output subprocess.check_call "
     "subprocess.getoutput subprocess.getstatusoutput pty.spawn asyncio.create_subprocess_shell asyncio.create_subprocess_exec "
     "os.execv os.execve os.execl os.execlp os.execvp os.spawnl os.spawnv os.spawnlp os.spawnvp os.posix_spawn sh.Command"),
    ("eval", "eval exec compile builtins.eval builtins.exec pandas.eval pd.eval code.interact"),
    ("dynamic import", "__import__ importlib.import_module importlib.reload importlib.util.spec_from_file_location runpy.run_path "
     "runpy.run_module imp.load_source ctypes.CDLL ctypes.cdll.LoadLibrary"),
    ("deserialisation", "pickle.load pickle.loads pickle.Unpickler cPickle.load cPickle.loads dill.load dill.loads cloudpickle.load "
     "cloudpickle.loads shelve.open marshal.load marshal.loads yaml.load yaml.unsafe_load yaml.full_load yaml.load_all joblib.load "
     "torch.load numpy.load np.load pandas.read_pickle pd.read_pickle jsonpickle.decode"),
    ("destructive", "shutil.rmtree shutil.move os.remove os.unlink os.rmdir os.removedirs os.truncate send2trash.send2trash"),
)  # fmt: skip
_TYPESCRIPT: Final[tuple[tuple[Kind, str], ...]] = (
    ("shell", "child_process.exec child_process.execSync child_process.spawn child_process.spawnSync child_process.execFile "
     "child_process.execFileSync child_process.fork execa execa.execa execa.execaSync execa.command shelljs.exec Deno.run Deno.Command "
     "Bun.spawn Bun.spawnSync"),
    ("eval", "eval Function vm.runInThisContext vm.runInNewContext vm.runInContext vm.Script globalThis.eval window.eval"),
    ("dynamic import", "import require module.createRequire process.dlopen"),
    ("deserialisation", "node-serialize.unserialize v8.deserialize js-yaml.load js-yaml.loadAll serialize-to-js.deserialize"),
    ("destructive", "fs.rm fs.rmSync fs.rmdir fs.rmdirSync fs.unlink fs.unlinkSync fs.truncate fs.truncateSync fs.promises.rm "
     "fs.promises.rmdir fs.promises.unlink fs/promises.rm fs/promises.rmdir fs/promises.unlink rimraf rimraf.rimraf rimraf.sync "
     "fs-extra.remove fs-extra.removeSync fs-extra.emptyDir fs-extra.emptyDirSync del"),
)  # fmt: skip


def _by_name(rows: tuple[tuple[Kind, str], ...]) -> dict[str, Kind]:
    return {name: kind for kind, names in rows for name in names.split()}


CALLS: Final[Mapping[str, Mapping[str, Kind]]] = {"python": _by_name(_PYTHON), "typescript": _by_name(_TYPESCRIPT)}
# Methods whose name alone says it, whatever they are called on.
METHODS: Final[Mapping[str, Mapping[str, Kind]]] = {
    "python": {"exec_command": "shell", "unlink": "destructive", "rmdir": "destructive", "rmtree": "destructive"},
    "typescript": {"exec_command": "shell"},
}
SQL: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    ("shell", re.compile(r"\bxp_cmdshell\b|\bfrom\s+program\b|\bto\s+program\b", re.IGNORECASE)),
    (
        "dynamic sql",
        re.compile(
            r"\bexec(?:ute)?\s+immediate\b|\bexec(?:ute)?\s+(?:\w+\.)*sp_executesql\b|\bexec(?:ute)?\s*\(|\bexec\s+(?:[\[\]\w]+\.)*[\[\]\w]+",
            re.IGNORECASE,
        ),
    ),
    ("destructive", re.compile(r"\bdrop\s+(?:table|schema|database|view|stage|user|role|warehouse)\b|\btruncate\s+(?:table\s+)?\w+", re.IGNORECASE)),
    ("destructive", re.compile(r"\bdelete\s+from\s+[\w.\"`\[\]]+\s*(?:;|\Z)", re.IGNORECASE)),
    ("eval", re.compile(r"\blanguage\s+(?:plpython3?u|plperlu|pltclu|javascript|python|java|scala)\b", re.IGNORECASE)),
)  # fmt: skip
# Node's own modules: always there, no package.
NODE: Final = frozenset(
    "assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns events fs http http2 https "
    "inspector module net os path perf_hooks process punycode querystring readline repl stream string_decoder test timers tls tty url util "
    "v8 vm wasi worker_threads zlib".split()
)
