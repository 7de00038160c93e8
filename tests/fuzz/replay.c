/* Feeds every file of a corpus folder to a fuzz target: replay FOLDER... */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_BYTES_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static bool feed(const char *folder, const char *name)
{
	static uint8_t bytes[FILE_BYTES_MAX];
	char path[4096];
	uint8_t *exact;
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "rb");
	if (f == NULL) {
		perror(path);
		return false;
	}
	n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	/* A block of just this size lets the sanitizer see a read past the end. */
	exact = malloc(n + (n == 0));
	if (exact == NULL)
		return false;
	memcpy(exact, bytes, n);
	printf("# %s: %zu bytes\n", name, n);
	fflush(stdout);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return true;
}

static int replay(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int fed = 0;

	if (dir == NULL) {
		perror(folder);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (!feed(folder, entry->d_name)) {
			closedir(dir);
			return -1;
		}
		fed++;
	}
	closedir(dir);
	return fed;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int fed = replay(argv[i]);

		/* An empty corpus would be a test that cannot fail. */
		if (fed <= 0)
			return 1;
		printf("%s: %d inputs\n", argv[i], fed);
	}
	return argc < 2;
}
