#include <string.h>

#include "cli/cli.h"
#include "node/config.h"

static const struct cli_opt opts[] = {
	{ "man", 0, NULL, { "print the manual page's source instead", "輸出 man page 原始碼" }, false },
	{ "conf", 0, NULL, { "with --man: the page of lianfang.conf", "搭配 --man：lianfang.conf 的說明" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};

/* "user add" comes as two operands, from a man page's name as "user-add". */
static const struct cli_cmd *by_words(const struct cli *c)
{
	char name[128] = "";

	for (int i = 0; i < c->n_operands; i++) {
		size_t n = strlen(name);

		snprintf(name + n, sizeof name - n, "%s%s", i > 0 ? " " : "", c->operands[i]);
	}
	for (size_t i = 0; cli_table[i] != NULL; i++) {
		const char *p = cli_table[i]->name, *q = name;

		while (*p != '\0' && (*p == *q || (*p == ' ' && *q == '-'))) {
			p++;
			q++;
		}
		if (*p == '\0' && *q == '\0')
			return cli_table[i];
	}
	return NULL;
}

static int run(struct cli *c)
{
	bool conf = cli_has(c, "conf") || (c->n_operands == 1 && strcmp(c->operands[0], "lianfang.conf") == 0);
	bool whole = conf || (c->n_operands == 1 && strcmp(c->operands[0], "lianfang") == 0);
	const struct cli_cmd *cmd = c->n_operands > 0 && !whole ? by_words(c) : NULL;
	struct buf b;
	int status;

	if (c->n_operands == 1 && cmd == NULL && !whole && cli_print_group(c->operands[0], c->zh, stdout))
		return CLI_OK;
	if (c->n_operands > 0 && cmd == NULL && !whole) {
		cli_unknown(c->n_operands, c->operands, c->zh);
		return CLI_ERROR;
	}
	buf_init(&b, (size_t)1 << 20);
	if (conf)
		config_man(&b);
	else if (cli_has(c, "man"))
		cli_man(cmd, &b);
	else if (cmd != NULL)
		cli_help(cmd, c->zh, &b);
	else
		cli_help_all(c->zh, &b);
	status = cli_print(&b);
	buf_done(&b);
	return status;
}

const struct cli_cmd CMD_HELP = {
	"help", { "help on a command", "指令說明" }, "[COMMAND]",
	{ "The same as COMMAND --help. The manual pages are made from it, too.", "同「指令 --help」；man page 亦由此產生。" }, opts, NULL, 0, 3, run,
};

static int version_run(struct cli *c)
{
	if (c->json)
		printf("{\"name\":\"lianfang\",\"version\":\"" LIANFANG_VERSION "\"}\n");
	else
		printf("lianfang " LIANFANG_VERSION "\n");
	return CLI_OK;
}

const struct cli_cmd CMD_VERSION = { "version", { "print the version", "版本" }, "", { NULL, NULL }, NULL, NULL, 0, 0, version_run };

static const struct cli_opt names_opts[] = {
	{ "bash", 0, NULL, { "print a completion script for bash", "輸出 bash 自動完成腳本" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};
static const char *const names_examples[] = { "completion in this shell", "source <(lianfang commands --bash)", NULL };

static int names_run(struct cli *c)
{
	if (c->json || cli_has(c, "bash")) {
		struct buf b;
		int status;

		buf_init(&b, (size_t)1 << 20);
		if (c->json)
			cli_table_json(c->zh, &b);
		else
			cli_bash(&b);
		status = cli_print(&b);
		buf_done(&b);
		return status;
	}
	for (size_t i = 0; cli_table[i] != NULL; i++)
		printf("%s\n", cli_table[i]->name);
	return CLI_OK;
}

const struct cli_cmd CMD_COMMANDS = {
	"commands", { "list the names of all commands, for completion and tests", "列出所有指令名稱" }, "",
	{ "With --json the whole table: usage, texts and options of each command.", "--json 時輸出完整表格：用法、說明與選項。" },
	names_opts, names_examples, 0, 0, names_run,
};
