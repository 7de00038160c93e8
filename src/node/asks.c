#include "node/asks.h"

#include <pthread.h>

#include "base/mem.h"

#define GIVEN_UP_MAX 64 /* more than these run to their end */

struct ask {
	uint32_t number;
	detect_answer fn;
	void *ctx;
};

struct asks {
	pthread_mutex_t lock;
	struct ask list[ASKS_MAX];
	size_t n, n_given_up;
	uint32_t given_up[GIVEN_UP_MAX];
	uint32_t numbers;
};

enum rc asks_new(struct asks **ret, struct err *err)
{
	struct asks *a = mem_alloc(sizeof *a);

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "asks: out of memory");
	pthread_mutex_init(&a->lock, NULL);
	*ret = a;
	return RC_OK;
}

void asks_free(struct asks *a)
{
	if (a == NULL)
		return;
	asks_gone(a);
	pthread_mutex_destroy(&a->lock);
	mem_free(a);
}

static size_t find(const struct asks *a, uint32_t number)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].number == number)
			return i;
	return SIZE_MAX;
}

uint32_t asks_add(struct asks *a, detect_answer fn, void *ctx)
{
	uint32_t number = 0;

	pthread_mutex_lock(&a->lock);
	if (a->n < ASKS_MAX) {
		do
			number = ++a->numbers;
		while (number == 0 || find(a, number) != SIZE_MAX);
		a->list[a->n++] = (struct ask){ number, fn, ctx };
	}
	pthread_mutex_unlock(&a->lock);
	return number;
}

static bool drop(struct asks *a, uint32_t number)
{
	size_t i = find(a, number);

	if (i == SIZE_MAX)
		return false;
	a->list[i] = a->list[--a->n];
	return true;
}

bool asks_remove(struct asks *a, uint32_t number)
{
	bool there;

	pthread_mutex_lock(&a->lock);
	there = drop(a, number);
	pthread_mutex_unlock(&a->lock);
	return there;
}

bool asks_answer(struct asks *a, uint32_t number, struct str json, bool last, enum rc rc)
{
	bool wanted = true;
	size_t i;

	pthread_mutex_lock(&a->lock);
	i = find(a, number);
	if (i != SIZE_MAX) {
		struct ask x = a->list[i];

		if (last)
			drop(a, number);
		wanted = x.fn(x.ctx, json, last, rc) || last;
		if (!wanted) {
			drop(a, number);
			if (a->n_given_up < GIVEN_UP_MAX)
				a->given_up[a->n_given_up++] = number;
		}
	}
	pthread_mutex_unlock(&a->lock);
	return wanted;
}

void asks_gone(struct asks *a)
{
	pthread_mutex_lock(&a->lock);
	for (; a->n > 0; a->n--)
		a->list[a->n - 1].fn(a->list[a->n - 1].ctx, S("the process that reads the logs is being restarted; try again"), true, RC_BUSY);
	a->n_given_up = 0;
	pthread_mutex_unlock(&a->lock);
}

uint32_t asks_given_up(struct asks *a)
{
	uint32_t number;

	pthread_mutex_lock(&a->lock);
	number = a->n_given_up > 0 ? a->given_up[--a->n_given_up] : 0;
	pthread_mutex_unlock(&a->lock);
	return number;
}
