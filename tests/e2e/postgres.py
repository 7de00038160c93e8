"""Real PostgreSQL servers of Debian's package in the test's own folder, on Unix sockets: one, or a primary with a synchronous
standby. They run as the user postgres when the test is root's, and are gone with the test."""
import pwd

from harness import *

BIN = '/usr/lib/postgresql/15/bin'


def why_not():
    """None, or why no server can run here."""
    if not os.access(f'{BIN}/initdb', os.X_OK):
        return 'the package postgresql-15 is not installed'
    if os.geteuid() == 0:
        try:
            pwd.getpwnam('postgres')
        except KeyError:
            return 'run as root, and there is no user postgres to drop to'
    return None


def lower():
    """In the child: not root, and dead with the test."""
    if os.geteuid() == 0:
        user = pwd.getpwnam('postgres')
        os.initgroups('postgres', user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)


def folder():
    full = path('pg')
    if not os.path.isdir(full):
        os.makedirs(full)
        if os.geteuid() == 0:
            os.chmod(work(), 0o711)
            user = pwd.getpwnam('postgres')
            os.chown(full, user.pw_uid, user.pw_gid)
    return full


class Server:
    def __init__(self, name, port):
        self.name, self.port = name, port
        self.data = os.path.join(folder(), name)
        self.log = open(path(name + '.log'), 'ab')
        self.child = None

    def program(self, *argv):
        return subprocess.run([f'{BIN}/{argv[0]}', *argv[1:]], stdout=self.log, stderr=self.log, preexec_fn=lower, cwd=folder()).returncode == 0

    def init(self):
        return self.program('initdb', '-D', self.data, '-U', 'lianfang', '-A', 'trust', '--locale=C.UTF-8', '-E', 'UTF8', '--no-sync')

    def copy_of(self, other):
        return self.program('pg_basebackup', '-D', self.data, '-h', folder(), '-p', str(other.port), '-U', 'lianfang', '-R', '-X', 'stream', '-c', 'fast')

    def start(self):
        self.child = subprocess.Popen([f'{BIN}/postgres', '-D', self.data, '-k', folder(), '-p', str(self.port), '-c', 'listen_addresses=',
                                       '-c', 'wal_level=replica', '-c', 'max_wal_senders=4', '-c', 'hot_standby=on', '-c', 'shared_buffers=32MB'],
                                      stdout=self.log, stderr=self.log, preexec_fn=lower, cwd=folder())
        CHILDREN.append(self.child)
        return wait_until(lambda: self.ask('SELECT 1') == '1')

    def ask(self, sql, database='postgres'):
        r = subprocess.run([f'{BIN}/psql', '-h', folder(), '-p', str(self.port), '-U', 'lianfang', '-X', '-A', '-t', '-c', sql, database],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return r.stdout.decode().strip() if r.returncode == 0 else None

    def url(self, database):
        return f'postgresql:///{database}?host={folder()}&port={self.port}&user=lianfang'

    def kill(self):
        """The server and each process it has: nothing of it may write on."""
        os.kill(self.child.pid, signal.SIGSTOP)
        for pid in children_of(self.child.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.child.kill()
        self.child.wait()

    def promote(self):
        return self.program('pg_ctl', 'promote', '-D', self.data, '-w') and wait_until(lambda: self.ask('SELECT pg_is_in_recovery()') == 'f')

    def stop(self):
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGQUIT)
            self.child.wait()


def server():
    s = Server('one', 5432)
    return s if s.init() and s.start() else None


def pair():
    """A primary and a standby that has each commit before it is acknowledged; None when they did not start."""
    one, two = Server('one', 5432), Server('two', 5433)
    good = one.init() and one.start() and two.copy_of(one) and two.start()
    if not good or one.ask("ALTER SYSTEM SET synchronous_standby_names = '*'") is None or one.ask('SELECT pg_reload_conf()') != 't':
        return None
    if not wait_until(lambda: one.ask('SELECT sync_state FROM pg_stat_replication') == 'sync'):
        return None
    return one, two


def pair_url(one, two, database):
    return (f'postgresql:///{database}?host={folder()},{folder()}&port={one.port},{two.port}&user=lianfang'
            '&target_session_attrs=read-write&connect_timeout=3')
