"""Runs when Python starts inside a step: notes the files that its programs open, list and write.

The folder of this file is on the path of modules of every step, and of all that it starts. It has
to work in any Python, that of a container too, and may never be the reason that a program fails.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_WRITES = os.O_WRONLY | os.O_RDWR
_SOFTWARE = ("/usr/", "/lib/", "/lib64/", "/bin/", "/sbin/", "/etc/", "/nix/store/")
_SYSTEM = ("/proc/", "/sys/", "/dev/")
_MEMORY = "/dev/shm/"  # holds files like any other
_IMPORTS = (
    "_frozen_importlib",
    "_frozen_importlib_external",
    "importlib._bootstrap",
    "importlib._bootstrap_external",
)


_READERS = ("labflake.io.files", "labflake.io.formats")  # of labflake, what works for the program


class Notes:
    """Writes what happens to files to a file of this process: six fields, each ended by a zero."""

    def __init__(self, folder):
        self.folder, self.process, self.file = folder, 0, -1
        self.known = set()
        self.quiet = set()  # modules that labflake asks for, not the program
        self.project = os.environ.get("LABFLAKE_PROJECT", os.getcwd()) + os.sep
        caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        own = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
        own |= {os.path.realpath(each) for each in own} | {
            _HERE,
            os.path.join(os.path.dirname(_HERE), "matplotlibrc"),
        }
        own |= {os.path.join(self.project, name) for name in (".venv", ".git/objects")}
        self.git = os.path.join(self.project, ".git", "")
        self.own = tuple(os.path.join(each, "") for each in own)
        self.elsewhere = (*_SOFTWARE, *_SYSTEM, os.path.join(caches, ""))

    def hook(self, event, arguments):
        """Note one audit event of Python; never fail, since it runs inside every file access."""
        if event in _EVENTS:
            # contextlib would be imported into every program.
            try:  # noqa: SIM105
                _EVENTS[event](self, *arguments)
            except Exception:
                pass

    def opened(self, path, mode=None, flags=0):
        """A file is opened."""
        if isinstance(path, int):
            return
        flags = flags or 0
        if flags & _WRITES:
            self.note("w", path)
        if not flags & os.O_WRONLY and not flags & os.O_TRUNC:
            self.note("r", path)

    def database(self, path, *_):
        """A database of SQLite is opened, by its path or its address."""
        path = os.fsdecode(path)
        if path.startswith("file:"):
            path = path[len("file:") :].partition("?")[0]
        if path and path != ":memory:":
            self.note("r", path)

    def listed(self, path=None, *_):
        """The names in a folder are read; the import system does not count."""
        if not isinstance(path, int) and not _importing():
            self.note("l", os.curdir if path is None else path)

    def ran(self, path, *_):
        """A program is run by its path."""
        self.note("r", path)

    def loaded(self, path, *_):
        """A library is loaded; a bare name is one of the system."""
        if os.path.dirname(os.fsdecode(path)):
            self.note("r", path)

    def popened(self, program, arguments, folder=None, variables=None):
        """A program is started by `subprocess`."""
        self.started(program, arguments, variables, folder)

    def started(self, program, arguments=(), variables=None, folder=None):
        """A program is started: a shell with a command, or another by its name.

        What a package starts while it is imported is a look at the machine, and none of the step's.
        """
        text = isinstance(arguments, (str, bytes))
        words = [os.fsdecode(w) for w in [program, *([arguments] if text else arguments)]]
        kind = "c" if text or "-c" in words else "p"
        place = os.path.abspath(os.fsdecode(folder or os.curdir))
        if not _importing(self.own) and self.is_new(kind, " ".join([place, *words])):
            self.write(kind, " ".join(words), place)
        if isinstance(variables, dict):
            _watch(variables)

    def commanded(self, command):
        """A shell is started with a command."""
        self.started("", command)

    def imported(self, module, path=None, *_):
        """A module is looked for, there or not; of a compiled one the file is not opened."""
        if path:
            self.note("r", path)
        top = module.partition(".")[0]
        if ("m", top) in self.known and self.process == os.getpid():
            return
        asker = _importer()
        ours = asker.startswith("labflake") and not asker.startswith(_READERS)
        if ours or asker.partition(".")[0] in self.quiet:
            self.quiet.add(top)
        elif self.is_new("m", top):
            self.write("m", top)

    def moved(self, source, target, *_):
        """A file gets another name."""
        self.note("w", target)

    def note(self, kind, path):
        """Write down what is neither software nor known already."""
        path = os.path.abspath(os.fsdecode(path))
        if (path + os.sep).startswith(self.own):
            return
        if path.startswith(self.git) and (kind != "r" or _is_for_labflake()):
            return
        ours = path.startswith((self.project, _MEMORY))
        if not ours and (path + os.sep).startswith(self.elsewhere):
            return
        if os.sep + "__pycache__" + os.sep in path:
            folder, name = os.path.split(path)
            path = os.path.join(os.path.dirname(folder), name.split(".")[0] + ".py")
            if kind != "r" or not name.endswith(".pyc"):
                return
        if self.is_new(kind, path):
            self.write(kind, path)

    def is_new(self, kind, text):
        """Tell whether this process has not noted it yet."""
        if self.process != os.getpid():
            self.process, self.known, self.file = os.getpid(), set(), -1
        new = (kind, text) not in self.known
        self.known.add((kind, text))
        return new

    def write(self, kind, path, place=""):
        """Write one note, with what shows whether the file is changed later, or where it starts."""
        try:
            found = os.stat(path)
            stat = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
        except OSError:
            stat = (place, "", "", "")
        if self.file < 0:
            name = os.path.join(self.folder, "%d.notes" % self.process)  # noqa: UP031
            self.known.add(("w", name))
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
            self.file = os.open(name, flags, 0o666)
        fields = [kind, path] + [str(each) for each in stat]
        os.write(self.file, b"".join(os.fsencode(field) + b"\0" for field in fields))


_EVENTS = {
    "open": Notes.opened,
    "os.listdir": Notes.listed,
    "os.scandir": Notes.listed,
    "os.rename": Notes.moved,
    "os.link": Notes.moved,
    "os.symlink": Notes.moved,
    "cpython.run_file": Notes.ran,
    "os.exec": Notes.started,
    "os.posix_spawn": Notes.started,
    "os.system": Notes.commanded,
    "subprocess.Popen": Notes.popened,
    "import": Notes.imported,
    "ctypes.dlopen": Notes.loaded,
    "sqlite3.connect": Notes.database,
}


def _watch(variables):
    """Add to the variables of a program what lets us see it, too, where they are others."""
    paths = variables.get("PYTHONPATH", "")
    for name in ("LAB_STEP", "LAB_BUILD"):
        if name in os.environ:
            variables.setdefault(name, os.environ[name])
    if _HERE not in paths.split(os.pathsep):
        variables["PYTHONPATH"] = os.pathsep.join([_HERE] + [paths] * bool(paths))


def _importer():
    """Return the name of the module that asks for another one."""
    frame = sys._getframe(3)
    while frame:
        name = frame.f_globals.get("__name__") or ""
        if name not in _IMPORTS and name != "importlib":
            return name
        frame = frame.f_back
    return ""


def _is_for_labflake():
    """Tell whether labflake is at work: it looks which commit is there, for itself."""
    frame = sys._getframe(3)
    while frame:
        if (frame.f_globals.get("__name__") or "").startswith("labflake"):
            return True
        frame = frame.f_back
    return False


def _importing(software=None):
    """Tell whether the import system is at work: what it lists is no data.

    With the folders of software: whether it is so for what lies there.
    """
    frame = sys._getframe(3)
    while frame:
        file = frame.f_code.co_filename
        if frame.f_globals.get("__name__") in _IMPORTS:
            return True
        if software and os.path.isabs(file) and not file.startswith(software):
            return False
        frame = frame.f_back
    return False


def _go_on():
    """Run the file of this name that would have run without us, and leave no trace on the path."""
    sys.path[:] = [place for place in sys.path if os.path.abspath(place) != _HERE]
    for finder in sys.meta_path:
        spec = finder.find_spec(__name__, sys.path) if hasattr(finder, "find_spec") else None
        if spec and hasattr(spec.loader, "get_code"):
            code = spec.loader.get_code(__name__)
            exec(code, {"__name__": __name__, "__file__": spec.origin})
            return


def _report(kind, error, trace):
    """Show an error that a person can act on with its line, any other with its traceback."""
    if kind.__module__ != "labflake.errors":
        return sys.__excepthook__(kind, error, trace)
    project, place = os.environ.get("LABFLAKE_PROJECT", os.getcwd()) + os.sep, ""
    while trace:
        file = os.path.normpath(trace.tb_frame.f_code.co_filename)
        if os.path.islink(file):  # to a program beside the Snakefile
            file = os.path.normpath(os.path.join(os.path.dirname(file), os.readlink(file)))
        if file.startswith(project) and not file.startswith(
            (project + ".venv", project + "vendor")
        ):
            place = "%s:%d: " % (file[len(project) :], trace.tb_lineno)  # noqa: UP031
        trace = trace.tb_next
    return sys.stderr.write("%serror: %s\n" % (place, error))  # noqa: UP031


def begin():
    """Note from now on what this process does, if it belongs to a step."""
    folder = os.environ.get("LAB_STEP", "")
    if os.path.isdir(folder):
        sys.excepthook = _report
    if hasattr(sys, "addaudithook") and os.path.isdir(folder):
        sys.addaudithook(Notes(folder).hook)


_go_on()
begin()
