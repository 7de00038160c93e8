/* Renders the command table: --help for people, man(7) source for the manual. */
#include "cli/cli.h"

static const char *pick(const struct words *w, bool zh)
{
	return zh && w->zh != NULL ? w->zh : w->en;
}

static void put_options(const struct cli_opt *o, bool zh, struct buf *out)
{
	for (; o != NULL && o->name != NULL; o++) {
		char left[64];

		if (o->letter != 0)
			snprintf(left, sizeof left, "-%c, --%s%s%s", o->letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
		else
			snprintf(left, sizeof left, "    --%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
		buf_fmt(out, "  %-28s %s\n", left, pick(&o->help, zh));
	}
}

/* The folder may be said elsewhere, so it stands in brackets. */
void cli_operands(const struct cli_cmd *cmd, bool dir, struct buf *out)
{
	struct str rest = str_of(cmd->usage), word;
	bool first = true;

	while (str_next(&rest, ' ', &word)) {
		bool is_dir = str_eq(word, S("DIR"));

		if (is_dir && !dir)
			continue;
		buf_fmt(out, is_dir ? "%s[%.*s]" : "%s%.*s", first ? "" : " ", STR(word));
		first = false;
	}
}

void cli_help(const struct cli_cmd *cmd, bool zh, struct buf *out)
{
	buf_fmt(out, "lianfang %s — %s\n\n", cmd->name, pick(&cmd->summary, zh));
	buf_fmt(out, "%s: lianfang %s %s", zh ? "用法" : "usage", cmd->name, cmd->opts ? (zh ? "[選項] " : "[options] ") : "");
	cli_operands(cmd, true, out);
	buf_char(out, '\n');
	if (cmd->text.en != NULL)
		buf_fmt(out, "\n%s\n", pick(&cmd->text, zh));
	buf_fmt(out, "\n%s:\n", zh ? "選項" : "options");
	put_options(cmd->opts, zh, out);
	if (cli_dir_place(cmd) >= 0)
		put_options(cli_dir_opts, zh, out);
	put_options(cli_common_opts, zh, out);
	if (cmd->examples != NULL) {
		buf_fmt(out, "\n%s:\n", zh ? "範例" : "examples");
		for (size_t i = 0; cmd->examples[i] != NULL; i += 2)
			buf_fmt(out, "  # %s\n  %s\n", cmd->examples[i], cmd->examples[i + 1]);
	}
	buf_fmt(out, "\n%s\n", zh ? "結束狀態: 0 成功或「是」，1 「否」或部分失敗，2 無法執行（lianfang serve 另有 78：設定或隔離被拒）"
				  : "exit status: 0 done or yes, 1 no or a part failed, 2 could not be done (serve: 78 configuration or fence refused)");
}

static void json_options(const struct cli_opt *o, bool zh, struct jsonw *w)
{
	for (; o != NULL && o->name != NULL; o++) {
		jsonw_object(w);
		jsonw_m_cstr(w, "name", o->name);
		if (o->letter != 0)
			jsonw_m_str(w, "letter", str_make(&o->letter, 1));
		if (o->arg != NULL)
			jsonw_m_cstr(w, "value", o->arg);
		jsonw_m_cstr(w, "help", pick(&o->help, zh));
		jsonw_m_bool(w, "repeat", o->repeat);
		jsonw_object_end(w);
	}
}

void cli_table_json(bool zh, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_name(&w, "commands");
	jsonw_array(&w);
	for (size_t i = 0; cli_table[i] != NULL; i++) {
		const struct cli_cmd *cmd = cli_table[i];

		jsonw_object(&w);
		jsonw_m_cstr(&w, "name", cmd->name);
		jsonw_m_cstr(&w, "usage", cmd->usage);
		jsonw_m_cstr(&w, "summary", pick(&cmd->summary, zh));
		if (cmd->text.en != NULL)
			jsonw_m_cstr(&w, "text", pick(&cmd->text, zh));
		jsonw_name(&w, "options");
		jsonw_array(&w);
		json_options(cmd->opts, zh, &w);
		if (cli_dir_place(cmd) >= 0)
			json_options(cli_dir_opts, zh, &w);
		json_options(cli_common_opts, zh, &w);
		jsonw_array_end(&w);
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	jsonw_object_end(&w);
}

static void bash_options(const struct cli_opt *o, struct buf *out)
{
	for (; o != NULL && o->name != NULL; o++)
		buf_fmt(out, " --%s", o->name);
}

/* The script counts the words of the command itself; whatever is neither a command word nor an option is a file. */
/* Options whose values are a known set, by the name of their argument. */
static const struct { const char *command, *arg, *set; } value_sets[] = {
	{ NULL, "LEVEL", "clear green amber amber+strict red" }, { NULL, "ROLE", "admin analyst feeder reader peer" },
	{ NULL, "TIER", "provider region sector nation partner" }, { NULL, "RELATION", "parent child partner" },
	{ NULL, "en|zh", "en zh" }, { NULL, "KINDS", "domain ipv4 ipv6 url email md5 sha1 sha256 sha512" },
	{ "import", "FORMAT", "auto stix misp csv list" }, { "export", "FORMAT", "stix misp csv plain hosts rpz nftables ipset" },
};

static void bash_values(const struct cli_cmd *cmd, const struct cli_opt *o, struct buf *out)
{
	for (; o != NULL && o->name != NULL; o++)
		for (size_t i = 0; o->arg != NULL && i < COUNTOF(value_sets); i++) {
			if (strcmp(o->arg, value_sets[i].arg) != 0 || (value_sets[i].command != NULL && strcmp(cmd->name, value_sets[i].command) != 0))
				continue;
			buf_fmt(out, "\t\t[\"%s --%s\"]=\"%s\"\n", cmd->name, o->name, value_sets[i].set);
			if (o->letter != 0)
				buf_fmt(out, "\t\t[\"%s -%c\"]=\"%s\"\n", cmd->name, o->letter, value_sets[i].set);
		}
}

void cli_bash(struct buf *out)
{
	buf_cstr(out, "# bash completion for lianfang, made from the program's own table: lianfang commands --bash\n_lianfang()\n{\n"
		      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} words=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\" name cmd= opts= set\n"
		      "\tlocal -A options=(\n");
	for (size_t i = 0; cli_table[i] != NULL; i++) {
		buf_fmt(out, "\t\t[\"%s\"]=\"", cli_table[i]->name);
		bash_options(cli_table[i]->opts, out);
		if (cli_dir_place(cli_table[i]) >= 0)
			bash_options(cli_dir_opts, out);
		bash_options(cli_common_opts, out);
		buf_cstr(out, "\"\n");
	}
	buf_cstr(out, "\t)\n\tlocal -A values=(\n");
	for (size_t i = 0; cli_table[i] != NULL; i++) {
		bash_values(cli_table[i], cli_table[i]->opts, out);
		bash_values(cli_table[i], cli_common_opts, out);
	}
	buf_cstr(out, "\t)\n"
		      "\tfor name in \"${!options[@]}\"; do\n"
		      "\t\t[[ \"$words \" == \"$name \"* ]] && opts=${options[$name]} cmd=$name\n"
		      "\tdone\n"
		      "\tset=${values[\"$cmd ${COMP_WORDS[COMP_CWORD-1]}\"]}\n"
		      "\tif [[ -n $set ]]; then\n"
		      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$set\" -- \"$cur\")\n"
		      "\telif [[ -z $opts ]]; then\n"
		      "\t\tlocal next=\n"
		      "\t\tfor name in \"${!options[@]}\"; do\n"
		      "\t\t\t[[ -z $words ]] && next+=\" ${name%% *}\"\n"
		      "\t\t\t[[ -n $words && $name == \"$words \"* ]] && next+=\" ${name#\"$words \"}\"\n"
		      "\t\tdone\n"
		      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$next\" -- \"$cur\" | sort -u)\n"
		      "\telif [[ $cur == -* ]]; then\n"
		      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$opts\" -- \"$cur\")\n"
		      "\telse\n"
		      "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
		      "\tfi\n"
		      "}\n"
		      "complete -F _lianfang -o filenames lianfang\n");
}

/* man(7) wants a leading backslash-ampersand before dots and escaped dashes and backslashes. */
static void put_roff(struct buf *out, const char *text)
{
	bool line_start = true;

	for (; *text != '\0'; text++) {
		if (line_start && (*text == '.' || *text == '\''))
			buf_cstr(out, "\\&");
		if (*text == '\\')
			buf_cstr(out, "\\e");
		else if (*text == '-')
			buf_cstr(out, "\\-");
		else
			buf_char(out, *text);
		line_start = *text == '\n';
	}
}

static void put_roff_options(const struct cli_opt *o, struct buf *out)
{
	for (; o != NULL && o->name != NULL; o++) {
		buf_cstr(out, ".TP\n\\fB");
		if (o->letter != 0)
			buf_fmt(out, "\\-%c\\fR, \\fB", o->letter);
		buf_cstr(out, "\\-\\-");
		put_roff(out, o->name);
		buf_cstr(out, "\\fR");
		if (o->arg != NULL)
			buf_fmt(out, " \\fI%s\\fR", o->arg);
		buf_char(out, '\n');
		put_roff(out, o->help.en);
		if (o->repeat)
			buf_cstr(out, " (may be repeated)");
		buf_char(out, '\n');
	}
}

/* "user add" is the page lianfang-user-add. */
static void put_page_name(const struct cli_cmd *cmd, struct buf *out)
{
	buf_cstr(out, "lianfang\\-");
	for (const char *p = cmd->name; *p != '\0'; p++)
		buf_cstr(out, *p == ' ' || *p == '-' ? "\\-" : (char[]){ *p, '\0' });
}

static void man_command(const struct cli_cmd *cmd, struct buf *out)
{
	struct buf operands;

	buf_cstr(out, ".TH LIANFANG-");
	for (const char *p = cmd->name; *p != '\0'; p++)
		buf_char(out, *p == ' ' ? '-' : *p);
	buf_cstr(out, " 1 \"\" lianfang \"Lianfang manual\"\n.SH NAME\n");
	put_page_name(cmd, out);
	buf_cstr(out, " \\- ");
	put_roff(out, cmd->summary.en);
	buf_fmt(out, "\n.SH SYNOPSIS\n.B lianfang %s\n[options] ", cmd->name);
	buf_init(&operands, 4096);
	cli_operands(cmd, true, &operands);
	if (operands.bad == RC_OK && operands.n > 0)
		put_roff(out, operands.p);
	else if (out->bad == RC_OK)
		out->bad = operands.bad; /* a page without them is none */
	buf_done(&operands);
	buf_cstr(out, "\n.SH DESCRIPTION\n");
	put_roff(out, cmd->text.en != NULL ? cmd->text.en : cmd->summary.en);
	buf_cstr(out, "\n.SH OPTIONS\n");
	put_roff_options(cmd->opts, out);
	if (cli_dir_place(cmd) >= 0)
		put_roff_options(cli_dir_opts, out);
	put_roff_options(cli_common_opts, out);
	if (cmd->examples != NULL) {
		buf_cstr(out, ".SH EXAMPLES\n");
		for (size_t i = 0; cmd->examples[i] != NULL; i += 2) {
			buf_cstr(out, ".PP\n");
			put_roff(out, cmd->examples[i]);
			buf_cstr(out, ":\n.PP\n.nf\n");
			put_roff(out, cmd->examples[i + 1]);
			buf_cstr(out, "\n.fi\n");
		}
	}
	buf_cstr(out, ".SH EXIT STATUS\n0 done, or the answer is yes; 1 the answer is no or a part failed; 2 it could not be done.\n"
		      ".SH SEE ALSO\n.BR lianfang (1)\n");
}

/* Sentences that say how any command behaves; lianfang(1) only. */
static const char MAN_HEAD[] =
	".TH LIANFANG 1 \"\" lianfang \"Lianfang manual\"\n.SH NAME\nlianfang \\- node of an intelligence-driven joint defence\n"
	".SH SYNOPSIS\n.B lianfang\n.I command\n[options] [operands]\n.SH DESCRIPTION\n"
	"One program that any organisation runs as a node: it knows and shares threat intelligence (STIX 2.1, TAXII 2.1),\n"
	"matches it against logs, and tells its peers no more than they may know.\n"
	".PP\nA node is a folder, called DIR on these pages. Commands that take DIR work on a running node, through its control\n"
	"socket, and on a stopped one. DIR may also be said once: by\n.B \\-\\-dir\nor in the environment. Options may stand anywhere behind the command;\n.B \\-\\-\nends them.\n"
	".PP\n.B lianfang demo\nplays the whole story on this machine.\n.SH COMMANDS\nEach has a page of its own.\n";
static const char MAN_TAIL[] =
	".SH EXIT STATUS\n.TP\n0\ndone, or the answer is yes\n.TP\n1\nthe answer is no (invalid, no match, not verified), or a part failed\n"
	".TP\n2\ncould not be done: usage, files, connection, rights\n.TP\n78\n.B serve\nonly: configuration or a fence was refused\n"
	".PP\nErrors go to standard error; with\n.B \\-\\-json\nalso to standard output, as {\"error\": text, \"code\": word}.\n"
	".SH FILES\nIn the folder of a node, which only its owner may enter:\n"
	".TP\n.I lianfang.conf\nconfiguration, see\n.BR lianfang.conf (5)\n"
	".TP\n.I tls/node.crt\\fR, \\fItls/node.key\ncertificate and key of the node; read again on SIGHUP\n"
	".TP\n.I tls/ca.crt\nthe authority that signed it, and whose client certificates are accepted\n"
	".TP\n.I sign.key\nEd25519 key that signs the head of the fact log\n"
	".TP\n.I records.db\nusers, collections, peers and facts (SQLite; not with a PostgreSQL store)\n"
	".TP\n.I objects/\nthe STIX objects, in append-only logs\n"
	".TP\n.I lock\\fR, \\fIcontrol.sock\\fR, \\fIdetect.sock\nheld and listened to while the node runs\n"
	".SH ENVIRONMENT\n.TP\n.BR LC_ALL \", \" LC_MESSAGES \", \" LANG\nthe first that is set chooses the language of texts: zh gives zh\\-TW, "
	"anything else English\n.TP\n.B LIANFANG_DIR\nthe node's folder where DIR is left out (/var/lib/lianfang)\n.TP\n.B TMPDIR\nwhere\n.B demo\nmakes its nodes (/tmp)\n"
	".SH SIGNALS\nA serving node stops cleanly on SIGTERM and SIGINT and reads certificate, log settings and peers again on SIGHUP.\n"
	".SH SEE ALSO\n.BR lianfang.conf (5)";

void cli_man(const struct cli_cmd *cmd, struct buf *out)
{
	if (cmd != NULL) {
		man_command(cmd, out);
		return;
	}
	buf_cstr(out, MAN_HEAD);
	for (size_t i = 0; cli_table[i] != NULL; i++) {
		const struct cli_group *group = cli_group_at(cli_table[i]);

		if (group != NULL)
			buf_fmt(out, ".SS %s\n", group->title.en);
		buf_cstr(out, ".TP\n.BR ");
		put_page_name(cli_table[i], out);
		buf_cstr(out, " (1)\n");
		put_roff(out, cli_table[i]->summary.en);
		buf_char(out, '\n');
	}
	buf_cstr(out, MAN_TAIL);
	for (size_t i = 0; cli_table[i] != NULL; i++) {
		buf_cstr(out, ",\n.BR ");
		put_page_name(cli_table[i], out);
		buf_cstr(out, " (1)");
	}
	buf_char(out, '\n');
}
