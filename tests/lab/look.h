/* The worker's code without its process and fence, for tests of what it finds: bytes in, report out. */
#ifndef TESTS_LAB_LOOK_H
#define TESTS_LAB_LOOK_H

#include <fcntl.h>
#include <sys/mman.h>

#include "lab/make.h"
#include "lab/walk.h"
#include "lab/work.h"
#include "sys/file.h"

/* False: what it said was no sequence of frames with an end. `r` lives in `a`. */
__attribute__((unused)) static bool look_with(const struct lab_stock *stock, struct str bytes, struct str passwords, struct arena *a, struct lab_report *r)
{
	CLEANUP(file_closep) int fd = memfd_create("frames", MFD_CLOEXEC);
	CLEANUP(file_closep) int again = -1;
	char path[64];
	struct str rest;
	struct buf frames;
	size_t n;
	bool good = true;

	lab_work_run(stock, bytes, passwords, fd);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	buf_init(&frames, (size_t)64 << 20);
	again = open(path, O_RDONLY | O_CLOEXEC);
	for (ssize_t got = 1; got > 0;) {
		char *to = buf_room(&frames, 65536);

		got = to == NULL ? 0 : read(again, to, 65536);
		if (got > 0)
			buf_grew(&frames, (size_t)got);
	}
	lab_report_begin(r, a, S("look"), S("test"), bytes.n);
	rest = buf_view(&frames);
	while (good && (n = lab_frame_size(rest)) != 0 && n != SIZE_MAX) {
		good = lab_report_take(r, str_slice(rest, 0, n), NULL) == RC_OK;
		rest = str_slice(rest, n, rest.n);
	}
	good = good && rest.n == 0;
	buf_done(&frames);
	return good && r->ended;
}

/* With the ordinary limits, no rules, no lists, and `password` (may be empty) as given with the submission. */
__attribute__((unused)) static bool look_at(struct str bytes, struct str password, struct arena *a, struct lab_report *r)
{
	static struct lab_stock stock;
	struct buf words;
	bool good;

	if (stock.limits.depth == 0) {
		stock.limits = LAB_LIMITS;
		for (size_t i = 0; lab_makers[i] != NULL; i++)
			if (lab_makers[i]->prepare != NULL && strcmp(lab_makers[i]->name, "magic") != 0 && lab_makers[i]->prepare(NULL) != RC_OK)
				return false;
		for (size_t i = 0; lab_walkers[i] != NULL; i++)
			if (lab_walkers[i]->prepare != NULL && lab_walkers[i]->prepare(NULL) != RC_OK)
				return false;
	}
	buf_init(&words, 4096);
	if (password.n > 0)
		lab_frame_text(&words, password, 64);
	good = look_with(&stock, bytes, buf_view(&words), a, r);
	buf_done(&words);
	return good;
}

__attribute__((unused)) static const struct lab_match *look_match(const struct lab_report *r, const char *id)
{
	for (size_t i = 0; i < r->matches.n; i++)
		if (str_eq(r->matches.p[i].m.id, str_of(id)))
			return &r->matches.p[i].m;
	return NULL;
}

__attribute__((unused)) static bool look_fact(const struct lab_report *r, const char *name, struct str value)
{
	for (size_t i = 0; i < r->facts.n; i++)
		if (str_eq(r->facts.p[i].name, str_of(name)) && str_eq(r->facts.p[i].value, value))
			return true;
	return false;
}

/* A child whose path ends so. */
__attribute__((unused)) static bool look_child(const struct lab_report *r, const char *end)
{
	for (size_t i = 0; i < r->children.n; i++)
		if (str_ends(r->children.p[i].path, str_of(end)))
			return true;
	return false;
}

#endif
