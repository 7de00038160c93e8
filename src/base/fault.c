#include "base/fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

struct point {
	char name[FAULT_NAME_MAX];
	uint64_t left; /* passages until it fires; 1 = the next */
	int errnum;
	enum fault_how how;
};

/* One set per process, as the failures it makes concern the whole process. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct point points[FAULT_MAX];
static int count;
static uint64_t made;
_Atomic int fault_armed;

static bool fits(const struct point *p, struct str name)
{
	struct str want = str_of(p->name);

	if (str_ends(want, S("*")))
		return str_starts(name, str_slice(want, 0, want.n - 1));
	return str_eq(want, name);
}

/* Counts the passage; true when this one fires. */
static bool passes(struct point *p)
{
	if (p->left == 0)
		return false;
	if (p->left > 1) {
		p->left--;
		return false;
	}
	if (p->how != FAULT_FROM_THEN_ON)
		p->left = 0;
	return true;
}

bool fault_hit(const char *name)
{
	bool fired = false;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < count && !fired; i++) {
		if (!fits(&points[i], str_of(name)) || !passes(&points[i]))
			continue;
		if (points[i].how == FAULT_KILL)
			kill(getpid(), SIGKILL);
		errno = points[i].errnum;
		made++;
		fired = true;
	}
	pthread_mutex_unlock(&lock);
	return fired;
}

bool fault_arm(const char *name, uint64_t nth, int errnum, enum fault_how how)
{
	bool good = strlen(name) < FAULT_NAME_MAX;

	pthread_mutex_lock(&lock);
	good = good && count < FAULT_MAX;
	if (good) {
		points[count] = (struct point){ .left = nth, .errnum = errnum, .how = how };
		memcpy(points[count].name, name, strlen(name) + 1);
		atomic_store(&fault_armed, ++count);
	}
	pthread_mutex_unlock(&lock);
	return good;
}

uint64_t fault_clear(void)
{
	uint64_t n;

	pthread_mutex_lock(&lock);
	n = made;
	made = 0;
	count = 0;
	atomic_store(&fault_armed, 0);
	pthread_mutex_unlock(&lock);
	return n;
}

static bool errno_by_name(struct str text, int *ret)
{
	static const struct {
		const char *name;
		int value;
	} rows[] = {
		{ "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT }, { "EINTR", EINTR },
		{ "EAGAIN", EAGAIN }, { "ENOMEM", ENOMEM }, { "EPIPE", EPIPE },
	};
	uint64_t number;

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		if (str_eq(text, str_of(rows[i].name))) {
			*ret = rows[i].value;
			return true;
		}
	}
	if (!str_to_u64(text, &number) || number > 4095)
		return false;
	*ret = (int)number;
	return true;
}

/* A word that is not understood must not pass for a test that found nothing. */
__attribute__((constructor)) static void arm_from_environment(void)
{
	struct str rest = str_of(getenv("LIANFANG_FAULT")), name, nth, number, word;
	enum fault_how how = FAULT_ONCE;
	char text[FAULT_NAME_MAX] = { 0 };
	uint64_t n;
	int errnum;

	if (rest.n == 0)
		return;
	if (!str_next(&rest, ':', &name) || !str_next(&rest, ':', &nth) || !str_next(&rest, ':', &number) ||
	    name.n >= sizeof text)
		goto bad;
	if (str_next(&rest, ':', &word)) {
		if (!str_eq(word, S("kill")))
			goto bad;
		how = FAULT_KILL;
	} else if (str_ends(nth, S("+"))) {
		how = FAULT_FROM_THEN_ON;
		nth.n--;
	}
	memcpy(text, name.p, name.n);
	if (str_to_u64(nth, &n) && errno_by_name(number, &errnum) && fault_arm(text, n, errnum, how))
		return;
bad:
	dprintf(STDERR_FILENO, "LIANFANG_FAULT: expected name:nth[+]:errno[:kill]\n");
	_exit(2);
}
